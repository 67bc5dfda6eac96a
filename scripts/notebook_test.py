"""Executes scripts/plots.ipynb on an output folder, compares its numbers with those of `gdiff plot`, and reads the
event files back: python scripts/notebook_test.py DIR POINTS

DIR is a sweep over the width, POINTS one whose points each leave some keys alone.
"""

import json
import os
import sys

import nbformat
import pandas as pd
from nbclient import NotebookClient
from tensorboard import context as tb_context
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing import plugin_event_multiplexer as event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, metadata

LINES = 40
# What the notebook found, as JSON.
FOUND = """
shapes = {name: list(weight.shape) for name, weight in weights.items()}
cells = {pipeline: mean[pipeline].dropna().tolist() for pipeline in mean}
ends = [(mean - half)[pipeline].dropna().tolist() for pipeline in mean]
print(json.dumps({"chosen": len(chosen), "mean": cells, "low": ends, "shapes": shapes, "config": config, "path": str(path)}))
"""


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")
    print(f"ok: {what}")


def near(ours, theirs):
    return len(ours) == len(theirs) and all(abs(a - b) < 1e-9 for a, b in zip(sorted(ours), sorted(theirs)))


def notebook(folder):
    os.environ["GDIFF_RESULTS"] = os.path.abspath(folder)
    book = nbformat.read("scripts/plots.ipynb", as_version=4)
    check(all(not cell.get("outputs") for cell in book.cells), "the notebook is committed without outputs")
    lines = [line for cell in book.cells if cell.cell_type == "code" for line in cell.source.splitlines() if line.strip()]
    check(len(lines) <= LINES, f"it has {len(lines)} lines of code")
    book.cells.append(nbformat.v4.new_code_cell(FOUND))
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    check(any("image/png" in out.get("data", {}) for out in outputs), "it draws a figure")
    found = json.loads(outputs[-1]["text"])
    summary = pd.read_csv(f"{folder}/summary.csv").query("metric == 'coverage' and pipeline != 'data'")
    for pipeline, mean in found["mean"].items():
        rows = summary[summary.pipeline == pipeline]
        check(near(mean, rows.baseline_difference.dropna()), f"{pipeline}: its {len(mean)} paired differences are those of summary.csv")
    low = [end for ends in found["low"] for end in ends]
    check(near(low, summary.baseline_difference_low.dropna()), f"and so are the ends of their {len(low)} intervals")
    network = found["config"]["network"]
    first = found["shapes"]["layer0.weight"]
    check(first[0] == network["hidden"][0], f"the weights of {os.path.basename(os.path.dirname(found['path']))} have the shapes of its network")
    check(0 < found["chosen"] < len(pd.read_csv(f"{folder}/metrics.csv").query("t == 0")), f"{found['chosen']} runs are chosen")


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


def hparams(folder):
    """The HParams tab: every run with pipeline, replicate and the sweep's keys, numbers as numbers, and its end."""
    widths = []
    for run in sorted(os.listdir(f"{folder}/tensorboard")):
        read = EventAccumulator(f"{folder}/tensorboard/{run}")
        read.Reload()
        tags = read.PluginTagToContent(metadata.PLUGIN_NAME)
        start = metadata.parse_session_start_info_plugin_data(tags[metadata.SESSION_START_INFO_TAG])
        end = metadata.parse_session_end_info_plugin_data(tags[metadata.SESSION_END_INFO_TAG])
        row = pd.read_csv(f"{folder}/runs/{run}/metrics.csv", nrows=1).iloc[0]
        there = {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}
        keys = ["pipeline", "replicate", "network.width"]
        if there != {key: row[key] for key in keys} or end.status != api_pb2.STATUS_SUCCESS:
            sys.exit(f"FAILED: {run} has {there} and ends with {end.status}")
        widths.append(there["network.width"])
    check(set(widths) == {8.0, 16.0}, f"the HParams tab has {len(widths)} runs with their width")
    # As the tab itself asks for them.
    multiplexer = event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(f"{folder}/tensorboard").Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, folder)
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = tb_context.RequestContext()
    session_infos = context.hparams_metadata(request, "")
    experiment = context.experiment_from_metadata(request, "", True, session_infos, [])
    found = {info.name: info.WhichOneof("domain") for info in experiment.hparam_infos}
    check(set(found) == {"pipeline", "replicate", "network.width"}, f"the HParams tab filters by {sorted(found)}")


notebook(sys.argv[1])
same_numbers(sys.argv[1], 4)
notebook(sys.argv[2])
same_numbers(sys.argv[2], 9)
events(sys.argv[1])
hparams(sys.argv[1])
