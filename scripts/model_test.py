"""Compares the predictions of the PyTorch program of docs/model.md with those that gdiff wrote. Used by model_test.sh."""

import glob
import json
import os
import sys

import torch

work = sys.argv[1]
sys.path.insert(0, work)
import model  # noqa: E402


def table(path):
    with open(path) as file:
        return torch.tensor([[float(cell) for cell in line.split(",")] for line in list(file)[1:]], dtype=torch.float64)


points = table(f"{work}/points.csv").float()
worst, runs = 0.0, sorted(glob.glob(f"{work}/out/runs/*"))
for run in runs:
    config, weights = model.load(f"{run}/model.safetensors")
    with open(f"{run}/config.json") as file:
        beside = json.load(file)
    assert {key: beside[key] for key in config} == config, run
    assert beside["run"] == os.path.basename(run), run
    assert len(config["alpha_bar"]) == config["steps"] and config["axes"] == ["x0", "x1"], run
    for t in (1, 7, 20):
        ours = model.predict(config, weights, points, t).double()
        theirs = table(f"{run}/predicted-{t}.csv")
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        assert theirs.abs().max() > 0 and error < 1e-6, (run, t, error)
        worst = max(worst, error)
# Every conditioning, encoding and activation, with and without a learned variance.
assert len(runs) == 72, runs
lines = len([line for line in open(f"{work}/model.py") if line.strip()])
print(f"{len(runs)} networks, {lines} lines of PyTorch {torch.__version__}: largest difference {worst:.1e} of the largest prediction")
