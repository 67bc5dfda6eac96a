"""How gdiff's time and memory grow; run by scripts/growth.sh. Writes growth.csv and growth.md. Standard library alone."""

import argparse
import csv
import json
import math
import os
import statistics
import sys
import tempfile

from machine import CORES, Worker, describe, parse, run
from report import number, table, whole

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = "scripts/compare/workload.toml"
POINTS = [1_000, 10_000, 100_000, 1_000_000]
DIMENSIONS = [2, 4, 8, 16, 32, 64]
WIDTHS = [16, 32, 64, 128, 256]
STEPS = [10, 100, 1_000]

# (stage, axis, its values, request, units of the request in one of the stage)
SWEEPS = [
    ("Gaussianizer, fit", "n", POINTS, "fit n={}", 1),
    ("Gaussianizer, inverse", "n", POINTS, "inverse n={}", 1),
    ("training step", "n", POINTS, "train n={}", 1),
    ("sampling step", "n", POINTS, "sample steps=10 n={}", 1),
    ("PRDC", "n", POINTS, "prdc n={}", 1),
    ("Gaussianizer, fit", "d", DIMENSIONS, "fit d={}", 1),
    ("Gaussianizer, inverse", "d", DIMENSIONS[:-1], "inverse d={}", 1),
    ("training step", "d", DIMENSIONS, "train d={}", 1),
    ("sampling step", "d", DIMENSIONS, "sample steps=10 d={}", 1),
    ("PRDC", "d", DIMENSIONS, "prdc d={}", 1),
    ("training step", "width", WIDTHS, "train width={}", 1),
    ("sampling step", "width", WIDTHS, "sample steps=10 width={}", 1),
    ("sampling, all steps", "T", STEPS, "sample n=1000 steps={}", "T"),
]


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.3, help="to measure each case")
    parser.add_argument("--quick", action="store_true", help="a smoke run: the two smallest values of each axis")
    return parse(parser)


def sweeps(chosen, threads):
    """(stage, axis, value, microseconds, extra memory in MiB), each from a fresh process."""
    for stage, axis, values, request, units in SWEEPS:
        for value in values[:2] if chosen.quick else values:
            say(f"{stage}, {axis} = {value}")
            worker = Worker([chosen.bench, "-"], threads, OPENBLAS_NUM_THREADS="1")
            answer = worker.ask(f"{request.format(value)} seconds={chosen.seconds}")
            worker.close()
            microseconds = answer["microseconds"] * (value if units == "T" else 1)
            yield stage, axis, value, microseconds, answer["peak_rise_mib"]


def jobs(chosen, threads):
    """(implementation, points, seconds, peak memory in MiB) of both pipelines from start to end."""
    for n in POINTS[:2] if chosen.quick else POINTS:
        with tempfile.TemporaryDirectory() as folder:
            sets = [f"data.samples={n}", f"sample.count={n}", f"metrics.reference={n}"]
            # The energy distance grows with the square of the points.
            sets += ["train.epochs=2", "metrics.every=50", "metrics.distances=none"]
            flags = [word for setting in sets for word in ("--set", setting)]
            say(f"whole job, gdiff, n = {n}")
            _, seconds, peak = run([chosen.gdiff, "run", SPEC, "--quiet", "--out", f"{folder}/run", *flags], threads)
            yield "gdiff", n, seconds, peak
        if n <= 100_000:
            say(f"whole job, Python, n = {n}")
            job = [chosen.python, os.path.join(HERE, "whole_job.py"), "fast", SPEC]
            output, seconds, peak = run([*job, "--points", str(n), "--epochs", "2", "--prdc-every", "50"], threads)
            json.loads(output)
            yield "Python, fast, 1 process", n, seconds, peak


def exponent(points):
    """Slope of a straight line through the logarithms."""
    if len(points) < 2:
        return math.nan
    x, y = ([math.log(value) for value in values] for values in zip(*points))
    return statistics.linear_regression(x, y).slope


def sweep_tables(found):
    for axis, values in [("n", POINTS), ("d", DIMENSIONS), ("width", WIDTHS), ("T", STEPS)]:
        lines = []
        for stage in dict.fromkeys(row[0] for row in found if row[1] == axis):
            time = {row[2]: row[3] for row in found if row[:2] == (stage, axis)}
            rise = {row[2]: row[4] for row in found if row[:2] == (stage, axis)}
            points = sorted(time.items())
            cells = [number(time.get(value, math.nan) / 1e3) for value in values]
            most = max(rise)
            lines.append([stage, *cells, f"{exponent(points):.2f}", f"{exponent(points[-2:]):.2f}", number(rise[most])])
        header = [f"milliseconds at {axis} =", *(f"{value:,}" for value in values), "exponent", "of the last two"]
        yield axis, table([*header, "extra memory at the largest, MiB"], lines)


def page(found, whole_jobs, about, chosen, threads):
    quick = " A smoke run: the numbers say nothing." if chosen.quick else ""
    tables = dict(sweep_tables(found))
    lines = [[name, f"{n:,}", number(seconds), number(peak)] for name, n, seconds, peak in whole_jobs]
    return f"""# Growth of time and memory

Made by `./scripts/growth.sh`.{quick} {" ".join(about)}
{threads} threads. Time is a constant times a power of what grows: `exponent` is the slope of the line through all
logarithms, the next column that between the last two values. All values are in `growth.csv`.

## Points

In two dimensions, the training set, the generated and the real points all n. A training step sees 256 of them, whatever n is.
The Gaussianizer is the default one.

{tables["n"]}

## Dimensions

10,000 points of eight components, width 16. PRDC walks trees below 32 dimensions and multiplies matrices from there on.

{tables["d"]}

## Width

Hidden layers w, 2 w, 4 w: the products grow with the square of w.

{tables["width"]}

## Steps

1,000 points.

{tables["T"]}

## Whole job

`scripts/compare/workload.toml` with n training points, n generated and n real ones, both pipelines, 2 epochs, T = 100, all metrics at
steps 0, 50 and 100 but distances, of which the energy distance grows with the square of n; from start to end, with the peak memory
that the system counts (`/usr/bin/time -v` prints the same).
Python: JAX, k-d tree PRDC, binned tables; imports and compilation included.

{table(["whole job", "points", "seconds", "peak memory, MiB"], lines)}
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    chosen, threads = options(), min(2, len(CORES))
    about = describe(chosen.gdiff)
    os.makedirs(chosen.out, exist_ok=True)
    found, whole_jobs = list(sweeps(chosen, threads)), list(jobs(chosen, threads))
    with whole(os.path.join(chosen.out, "growth.csv")) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["implementation", "stage", "axis", "value", "threads", "microseconds", "memory_mib"])
        writer.writerows(("gdiff", stage, *rest[:2], threads, *rest[2:]) for stage, *rest in found)
        writer.writerows((name, "whole job", "n", n, threads, s * 1e6, peak) for name, n, s, peak in whole_jobs)
    with whole(os.path.join(chosen.out, "growth.md")) as file:
        file.write(page(found, whole_jobs, about, chosen, threads))


if __name__ == "__main__":
    main()
