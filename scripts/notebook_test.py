"""Executes scripts/plots.ipynb on an output folder, compares its numbers with those of `gdiff plot`, and reads the
event files back: python scripts/notebook_test.py DIR POINTS

DIR is a sweep over the width, POINTS one whose points each leave some keys alone.
"""

import os
import sys

import nbformat
import pandas as pd
from nbclient import NotebookClient
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

FIGURES = 8


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def notebook(folder):
    os.environ["GDIFF_RESULTS"] = os.path.abspath(folder)
    book = nbformat.read("scripts/plots.ipynb", as_version=4)
    check(all(not cell.get("outputs") for cell in book.cells), "the notebook is committed without outputs")
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    pictures = [out for out in outputs if "image/png" in out.get("data", {})]
    check(len(pictures) >= FIGURES, f"the notebook draws {len(pictures)} figures")


def same_numbers(folder, lines):
    """pandas and gdiff average alike: the last log-likelihood of every line of the figure."""
    table = pd.read_csv(f"{folder}/metrics.csv", nrows=0)
    keys = list(table.columns[3 : list(table.columns).index("step")])
    metrics = pd.read_csv(f"{folder}/metrics.csv", dtype=dict.fromkeys(keys, str)).fillna(dict.fromkeys(keys, ""))
    last = metrics[metrics.t == 0]
    ours = last[last.pipeline != "exact"].groupby(["pipeline", *keys]).log_likelihood.mean()
    drawn = pd.read_csv(f"{folder}/figures/log_likelihood.csv")
    compared = 0
    for (pipeline, *values), value in ours.items():
        panel = "Gaussianized" if pipeline == "gaussianized" else pipeline
        point = ", ".join(f"{k.split('.')[-1]} {v}" for k, v in zip(keys, values) if v)
        line = drawn[(drawn.panel == panel) & (drawn.series == (point or "as in the spec"))]
        check(abs(line.y.iloc[-1] - value) < 1e-9, f"{pipeline}, {point}: {value:.4f}")
        compared += 1
    check(compared == lines, f"{lines} lines were compared")


def events(folder):
    runs = sorted(os.listdir(f"{folder}/runs"))
    check(runs == sorted(os.listdir(f"{folder}/tensorboard")), f"{len(runs)} runs have event files")
    for run in runs:
        read = EventAccumulator(f"{folder}/tensorboard/{run}", size_guidance={"scalars": 0})
        read.Reload()
        tags = set(read.Tags()["scalars"])
        columns = {
            "metrics.csv": ["log_likelihood", "precision", "recall", "density", "coverage"],
            "loss.csv": ["loss", "mse", "isotropy"],
        }
        for table, names in columns.items():
            path = f"{folder}/runs/{run}/{table}"
            if not os.path.exists(path):
                continue
            rows = pd.read_csv(path)
            for name in names:
                tag = f"{'sample' if table == 'metrics.csv' else 'train'}/{name}"
                if tag not in tags:
                    sys.exit(f"FAILED: {run} has no {tag}, only {tags}")
                scalars = read.Scalars(tag)
                steps = rows["step" if table == "metrics.csv" else "iteration"]
                if [s.step for s in scalars] != list(steps):
                    sys.exit(f"FAILED: {run}: the steps of {tag} are not those of {table}")
                # Event files hold 32-bit floats.
                wrong = [(s.value, v) for s, v in zip(scalars, rows[name]) if abs(s.value - v) > 1e-6 * max(1, abs(v))]
                if wrong:
                    sys.exit(f"FAILED: {run}: {tag} has {wrong[0][0]} for {wrong[0][1]}")
    check(True, "TensorBoard reads every scalar as the tables have it")


notebook(sys.argv[1])
same_numbers(sys.argv[1], 4)
notebook(sys.argv[2])
same_numbers(sys.argv[2], 9)
events(sys.argv[1])
