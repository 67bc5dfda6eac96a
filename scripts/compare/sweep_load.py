"""For how much of the cores' time a sweep of thousands of small runs computes, from `gdiff run --trace`; run by
scripts/sweep_load.sh. Writes sweep.md. The cores' time is the wall-clock time from the program's start to its end on every
core, less what other programs took from it (see timeline.py)."""

import argparse
import collections
import os
import tempfile

from machine import CORES, describe
from report import table, whole
from timeline import own_work, run

# What a run is made of; everything else is the runner: plan, files, tables, waiting.
COMPUTE = {
    "data": "data and their metrics, once for all runs of a replicate",
    "gaussianize": "fit of the space",
    "train": "training",
    "sample": "sampling, with its metrics",
    "diagnose": "diagnostics",
}
PARTS = ("to data space", "log_likelihood", "precision", "sliced_w2", "energy_distance", "mode_error")
RUNNER = {"finish": "writing files", "between": "within runs, between stages", "thread": "between runs"}

SPEC = """name = "sweep"
pipelines = ["baseline"]
[data]
kind = "gmm"
samples = 500
[[data.components]]
mean = [-1.0, 0.0]
std = 0.3
[[data.components]]
mean = [1.0, 0.5]
std = 0.3
[diffusion]
steps = 20
[network]
hidden = [8, 8]
[train]
iterations = {iterations}
batch_size = 64
[sample]
count = 200
[metrics]
every = 20
reference = 200
[sweep]
"train.learning_rate" = [{rates}]
"""


def spec(runs, iterations):
    rates = ", ".join(f"{1e-3 + 1e-7 * i:.7f}" for i in range(runs))
    return SPEC.format(iterations=iterations, rates=rates)


def column_of(chosen, folder, iterations):
    """What a sweep of trainings of so many iterations takes."""
    cores = len(CORES)
    os.mkdir(folder)
    path = os.path.join(folder, "spec.toml")
    with open(path, "w") as file:
        file.write(spec(chosen.runs, iterations))
    events, seconds, processor, waited = run(chosen.gdiff, folder, path)
    work, _ = own_work(events)
    total = sum(work.values(), collections.Counter())
    total["sample"] += sum(total.pop(name, 0.0) for name in PARTS)
    given = cores * seconds - waited
    traced = sum(total.values())
    column = {"trainings of so many iterations": f"{iterations:,}", "wall-clock seconds": f"{seconds:.1f}"}
    column["milliseconds of a run on a core"] = f"{1000 * (total['train'] + total['sample']) / chosen.runs:.2f}"
    share = lambda part: f"{100 * part / given:.1f}"
    for name, label in COMPUTE.items():
        column[f"{label}, %"] = share(total.pop(name))
    own = traced - sum(total.values())
    for name, label in RUNNER.items():
        column[f"{label}, %"] = share(total.pop(name))
    if total:
        raise SystemExit(f"spans of no kind that is known: {sorted(total)}")
    column["before the first and after the last run, %"] = share(processor - traced)
    column["idle, %"] = share(max(given - processor, 0.0))
    column["**in the runs' own compute, %**"] = f"**{100 * own / given:.1f}**"
    return column


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--out", default="results/speed")
    parser.add_argument("--runs", type=int, default=5000)
    chosen = parser.parse_args()
    machine = " ".join(describe(chosen.gdiff))
    cores = len(CORES)
    columns = []
    # Nothing is deleted in between: some file systems take long to make files after others were deleted.
    with tempfile.TemporaryDirectory() as folder:
        for iterations in (100, 1000, 4000):
            columns.append(column_of(chosen, os.path.join(folder, str(iterations)), iterations))
    labels = list(columns[0])
    rows = [[label, *(column[label] for column in columns)] for label in labels[1:]]
    with whole(os.path.join(chosen.out, "sweep.md")) as file:
        file.write(f"""# A sweep of {chosen.runs:,} small runs

Made by `./scripts/sweep_load.sh`. {machine}
One `gdiff run` of a sweep over {chosen.runs:,} learning rates on {cores} cores: 500 training points, a network of two layers of width 8,
20 reverse steps of 200 points, all metrics at the first and the last step; trainings of three lengths. In % of the cores' time from the
program's start to its end, without what other programs took.

{table([labels[0], *(column[labels[0]] for column in columns)], rows)}
""")


if __name__ == "__main__":
    main()
