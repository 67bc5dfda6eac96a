"""What the comparison is held against, and its tables."""

import math

from machine import openblas_kernels
from report import number, table

METRICS = ["log_likelihood", "precision", "recall", "density", "coverage"]
STEP = "training step, {}-{}-{}"
SAMPLE = "sampling step, 10,000 points"
PRDC = "PRDC, 10,000 x 10,000, {}-D"
BIG = "PRDC, 100,000 x 100,000, 2-D"
JOB = "whole job"
FAST = ["Python, fast, 1 process", "Python, fast, 2 processes"]


def step(width):
    return STEP.format(width, 2 * width, 4 * width)


def check(rows):
    """Stops if two implementations of PRDC disagree on the same points: then their times say nothing."""
    for case in {row[0] for row in rows.rows if row[0].startswith("PRDC")}:
        for metric in METRICS[1:]:
            values = [row[5] for row in rows.rows if (row[0], row[4]) == (case, metric)]
            if values and max(values) - min(values) > 1e-3:
                raise SystemExit(f"{case}: {metric} differs between implementations: {sorted(set(values))}")


def goals(rows, ratio):
    """(what, reached, asked for or minus the upper bound, unit), with ratios by one of the ways of `rows`."""
    t = rows.median

    def ahead(case, peer, threads, quantity="microseconds"):
        return ratio(case, (peer, threads), ("gdiff", threads), quantity)

    def share(width):
        """The faster of the two libraries is the machine's own rate."""
        rates = [f"sgemm alone, {of} OpenBLAS" for of in ("gdiff's", "numpy's")]
        return 100.0 * min(ratio(step(width), (rate, 1), ("gdiff, everything", 1)) for rate in rates)

    def more_threads(case):
        return ratio(case, ("gdiff", 1), ("gdiff", 2))

    fast = min(ahead(JOB, way, 2, quantity="without imports and compilation") for way in FAST)
    fast_wall = min(ahead(JOB, way, 2) for way in FAST)
    return [
        ("training step, width 16: PyTorch eager / gdiff", ahead(step(16), "PyTorch", 1), 10, "x"),
        ("training step, width 16: JAX / gdiff", ahead(step(16), "JAX", 1), 3, "x"),
        ("training step, width 128: PyTorch eager / gdiff", ahead(step(128), "PyTorch", 1), 1.5, "x"),
        ("training step, width 128: JAX / gdiff", ahead(step(128), "JAX", 1), 1.15, "x"),
        ("training step, width 16, everything: share of the machine's sgemm rate", share(16), 50, "%"),
        ("training step, width 128, everything: share of the machine's sgemm rate", share(128), 75, "%"),
        ("training step, width 128: two threads / one", more_threads(step(128)), 1.6, "x"),
        ("training step, width 16: two threads / one, no slower", more_threads(step(16)), 0.97, "x"),
        ("sampling step, width 16: JAX / gdiff", ahead(SAMPLE, "JAX", 1), 2, "x"),
        ("sampling step, width 16: PyTorch / gdiff", ahead(SAMPLE, "PyTorch", 1), 3, "x"),
        ("sampling step, width 16: two threads / one", more_threads(SAMPLE), 1.7, "x"),
        ("PRDC, 2-D, two cores: `prdc` / gdiff", ahead(PRDC.format(2), "prdc", 2), 150, "x"),
        ("PRDC, 2-D, two cores: scipy's k-d tree / gdiff", ahead(PRDC.format(2), "scipy's k-d tree", 2), 5, "x"),
        ("PRDC, 2-D: extra memory, MiB", t(PRDC.format(2), "gdiff", 2, "peak_rise_mib"), -50, ""),
        ("PRDC, 64-D, two cores: `prdc` / gdiff", ahead(PRDC.format(64), "prdc", 2), 3, "x"),
        ("PRDC, 64-D: extra memory, MiB (one n x n matrix: 763)", t(PRDC.format(64), "gdiff", 2, "peak_rise_mib"), -50, ""),
        ("PRDC, 100,000 x 100,000 in 2-D, two cores: seconds", t(BIG, "gdiff", 2) / 1e6, -10, ""),
        ("whole job, two cores: plain Python / gdiff", ahead(JOB, "Python, plain", 2), 30, "x"),
        ("whole job, two cores: fast Python / gdiff", fast_wall, 4, "x"),
        ("the same, the peer's imports and compilation left out", fast, 4, "x"),
    ]


def goal_table(rows):
    lines = []
    ways = [goals(rows, ratio) for ratio in (rows.ratio, rows.fastest)]
    for (what, reached, asked, unit), (_, at_best, *_) in zip(*ways):
        met = reached <= -asked if asked < 0 else reached >= asked
        verdict = "not measured" if math.isnan(reached) else "yes" if met else "**no**"
        bound = f"at most {-asked}" if asked < 0 else f"{asked}{' %' if unit == '%' else unit}"
        suffix = " %" if unit == "%" else unit
        best = f"{number(at_best)}{suffix}" if unit else ""
        lines.append([what, f"{number(reached)}{suffix}", best, bound, verdict])
    return table(["goal", "reached", "of the fastest rounds", "asked for", "met"], lines)


def step_table(rows, threads):
    names = ["gdiff", "gdiff, everything", "PyTorch", "PyTorch, fused Adam", "JAX", "gdiff, candle graph"]
    names += ["sgemm alone, gdiff's OpenBLAS", "sgemm alone, numpy's OpenBLAS"]
    lines = []
    for name in names:
        if not rows.values(step(16), name, threads):
            continue
        cells = []
        for width in (16, 32, 64, 128):
            value = rows.median(step(width), name, threads)
            ratio = rows.ratio(step(width), (name, threads), ("gdiff", threads))
            cells.append(number(value) + ("" if name == "gdiff" else f" ({number(ratio, 2)}x)"))
        lines.append([name, *cells])
    return table([f"microseconds, {threads} thread{'s' * (threads > 1)}", *(step(w)[15:] for w in (16, 32, 64, 128))], lines)


def case_table(rows, cases, unit, scale, memory):
    """Implementations of some cases, with one thread and with two, and the memory they take."""
    lines = []
    for case in cases:
        for name in dict.fromkeys(row[1] for row in rows.rows if row[0] == case):
            cells = []
            for threads in (1, 2):
                value, times = rows.median(case, name, threads), rows.ratio(case, (name, threads), ("gdiff", threads))
                ratio = "" if name == "gdiff" or math.isnan(times) else f" ({number(times, 2)}x)"
                cells.append(number(value / scale) + ratio)
            extra = [number(rows.median(case, name, 2, "peak_rise_mib"))] if memory else []
            lines.append([case, name, *cells, *extra])
    header = ["case", "implementation", f"{unit}, 1 thread", f"{unit}, 2 threads"]
    return table(header + ["extra memory, MiB"] * memory, lines, texts=2)


def jobs(rows):
    return list(dict.fromkeys(row[1] for row in rows.rows if row[0] == JOB))


def job_table(rows):
    lines = []
    for name in jobs(rows):
        value = rows.median(JOB, name, 2)
        warm = rows.median(JOB, name, 2, "without imports and compilation")
        cells = [number(value / 1e6), number(rows.ratio(JOB, (name, 2), ("gdiff", 2))) + "x", number(warm / 1e6), number(rows.median(JOB, name, 2, "peak_mib"))]
        lines.append([name, *cells])
    return table(["whole job", "seconds", "times gdiff", "without imports and compilation", "peak memory, MiB"], lines)


def quality_table(rows):
    lines = []
    for pipeline in ("baseline", "gaussianized"):
        for name in jobs(rows):
            values = [rows.median(JOB, name, 2, f"{pipeline}, {metric}") for metric in METRICS]
            lines.append([pipeline, name, *(number(value, 4) for value in values)])
    return table(["pipeline", "implementation", "log-likelihood", *METRICS[1:]], lines, texts=2)


def stage_table(rows):
    stages = ["import", "compile", "gaussianize", "fit", "train", "sample", "inverse", "log-likelihood", "prdc"]
    lines = []
    for name in jobs(rows):
        for pipeline in ("baseline", "gaussianized"):
            values = [rows.median(JOB, name, 2, f"{pipeline}, {stage} seconds") for stage in stages]
            values[2:4] = [values[2] if values[3] != values[3] else values[3]]
            lines.append([name, pipeline, *("" if value != value else f"{value:.2f}" for value in values)])
    return table(["seconds of", "pipeline", "import", "compile", "fit", "train", "sample", "inverse", "log-likelihood", "PRDC"], lines, texts=2)


def page(rows, about, versions, chosen):
    quick = " A smoke run: the numbers say nothing." if chosen.quick else ""
    every = "" if chosen.prdc_every == 1 else (
        f" The plain Python job computed PRDC at every {chosen.prdc_every}th step and at the last, and its seconds are"
        " stretched to all 101; `--prdc-every 1` leaves nothing out."
    )
    seen = list(dict.fromkeys(row[0] for row in rows.rows))
    return f"""# Speed beside the peers

Made by `./scripts/compare.sh`.{quick} {" ".join(about)}
{versions}
gdiff's OpenBLAS is the system's, with the kernels {openblas_kernels()} (its own choice on this processor may be slower ones); only the
rows "sgemm alone" use it. Medians over {chosen.rounds} rounds in turn, of what takes long over fewer (one of plain Python; `compare.csv`
has every round). Behind them, in brackets, times gdiff's: the median of the ratios within a round, where one follows the other; such a machine's speed changes by half within seconds, as its cores share
with strangers, and the table of goals therefore has the ratios of the fastest rounds beside. One thread is one core for everybody,
two threads are two. All values are in `compare.csv`.

## Goals

{goal_table(rows)}

## Training step

Batch 256, T = 100, two dimensions: noise, sinusoidal embedding, forward, loss, backward, Adam. "gdiff, everything" has the
isotropy term and the parameters' average too. JAX runs 40 steps in one compiled scan; compilation is not counted.
"sgemm alone" is the matrix products of the layers (forward, gradients of weights and inputs) by OpenBLAS.

{step_table(rows, 1)}

{step_table(rows, 2)}

## Sampling, PRDC, Gaussianizer

A sampling step is a hundredth of a run through T = 100, network 16-32-64 and noise. All implementations of PRDC gave the same
four numbers on the same points (to 0.001, else the script stops). The Gaussianizer is the first paper's, five layers of ICA with
Silverman's bandwidth; numpy's tables are summed directly or from bins. Extra memory: beyond what there was before
the call, in a fresh process.

{case_table(rows, [case for case in seen if case == SAMPLE], "microseconds", 1, False)}

{case_table(rows, [case for case in seen if case.startswith("PRDC")], "milliseconds", 1e3, True)}

{case_table(rows, [case for case in seen if case.startswith("Gauss")], "milliseconds", 1e3, False)}

## Whole job

`scripts/compare/workload.toml`: both pipelines, 200 epochs, T = 100, all metrics at all 101 steps, from start to end.
Plain Python: PyTorch eager, sklearn's FastICA, the package `prdc`. Fast Python: JAX (training and sampling one compiled scan each),
k-d tree PRDC, binned tables; in one process or one for each pipeline (their memory is the sum).
Peak memory is the system's count, as `/usr/bin/time -v` prints it.{every}

{job_table(rows)}

Seconds by stage; gdiff's `sample` contains inverse and metrics, and its two pipelines run side by side:

{stage_table(rows)}

The last step's metrics, to see that all did the same job. The peers use the paper's map, gdiff by default its own; data
and noise differ by their random numbers, which alone move the log-likelihood of a training by several hundredths; the data's own is
near -1.78:

{quality_table(rows)}
"""


def readme(rows, about):
    return f"""Medians on one machine, in turn; {" ".join(about)} Made by `./scripts/compare.sh`, which puts the peers into a
virtual environment; all tables are in
`results/speed/compare.md`, and `results/speed/README.md` says how much the close ones vary from hour to hour.

{step_table(rows, 1)}

{goal_table(rows)}
"""
