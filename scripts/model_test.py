"""Compares the predictions of the PyTorch programs of docs/model.md with those that gdiff wrote. Used by model_test.sh."""

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


def compare(run, predict, points_of, bound):
    """The largest difference, as a part of the largest prediction."""
    config, weights = model.load(f"{run}/model.safetensors")
    with open(f"{run}/config.json") as file:
        beside = json.load(file)
    assert {key: beside[key] for key in config} == config, run
    assert beside["run"] == os.path.basename(run), run
    points, worst = points_of(config), 0.0
    assert len(config["alpha_bar"]) == config["steps"] and len(config["axes"]) == points.shape[1], run
    for t in (1, 7, 20):
        ours = predict(config, weights, points, t).double()
        theirs = table(f"{run}/predicted-{t}.csv")
        error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
        assert theirs.abs().max() > 0 and error < bound, (run, t, error)
        worst = max(worst, error)
    return worst


runs = sorted(glob.glob(f"{work}/out/runs/*"))
points = table(f"{work}/points.csv").float()
worst = max(compare(run, model.predict, lambda _: points, 1e-6) for run in runs)
# Every conditioning, encoding and activation, with and without a learned variance.
assert len(runs) == 72, runs
images = sorted(glob.glob(f"{work}/images/runs/*"))
by_size = {size: table(f"{work}/points-{size}.csv").float() for size in (7, 8)}
of_size = lambda config: by_size[config["network"]["image"][1]]
# Sums of more terms, in another order.
worst_image = max(compare(run, model.unet, of_size, 5e-6) for run in images)
# Even and odd sides, with and without attention and a learned variance.
assert len(images) == 8, images
lines = len([line for line in open(f"{work}/model.py") if line.strip()])
print(
    f"{len(runs)} networks of dense layers and {len(images)} U-Nets, {lines} lines of PyTorch {torch.__version__}: largest"
    f" difference {worst:.1e} and {worst_image:.1e} of the largest prediction"
)
