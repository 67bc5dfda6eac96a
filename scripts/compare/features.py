"""Compares gdiff's feature metrics with public tools on the same features, and its Inception features with torch-fidelity's.

    python3 scripts/compare/features.py --gdiff GDIFF --out results/images/tools.md

Called by scripts/features_tools.sh, which makes the environment. torch-fidelity and pytorch-fid import torchvision for data
sets and other networks, which nothing here uses; an empty module stands in for it.
"""

import argparse
import importlib.abc
import importlib.machinery
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules of torchvision that hold an empty class under every name."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torchvision", "requests"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: type(name, (), {})
        return module

    def exec_module(self, module):
        module.__version__ = "0.14.1"


sys.meta_path.append(Absent())  # after the usual finders, so that what is there is used

import networks  # noqa: E402
import torch  # noqa: E402
from convert_inception import write_safetensors  # noqa: E402
from prdc import compute_prdc  # noqa: E402
from torch_fidelity import FeatureExtractorInceptionV3  # noqa: E402
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric  # noqa: E402
from torch_fidelity.metric_isc import isc_features_to_metric  # noqa: E402
from torch_fidelity.metric_kid import kid_features_to_metric  # noqa: E402

METRICS = ["precision", "recall", "density", "coverage"]


def scores(gdiff, real, fake, *options):
    command = [gdiff, "metrics", real, fake, "--frechet", "--kid", "--json", "--resamples", "0", *options]
    output = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if output.returncode:
        sys.exit(output.stderr)
    return json.loads(output.stdout)


def fid(real, fake):
    a, b = (fid_features_to_statistics(torch.from_numpy(x)) for x in (real, fake))
    return fid_statistics_to_metric(a, b, False)["frechet_inception_distance"]


def kid(real, fake, size):
    """Mean and standard deviation over 100 subsets."""
    a, b = torch.from_numpy(real), torch.from_numpy(fake)
    found = kid_features_to_metric(a, b, kid_subsets=100, kid_subset_size=size, verbose=False)
    return found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]


def features(n, d, scale, seed):
    """Like those of images: of few inner dimensions, and not negative."""
    rng, mix = numpy.random.default_rng(seed), numpy.random.default_rng(0)
    x = rng.normal(size=(n, 40)) * scale @ mix.normal(size=(40, d)) * 0.15 + 0.3 * rng.normal(size=(n, d))
    return numpy.maximum(x, 0)


def pictures(n, seed, blur):
    """Discs of two colours under noise, blurred `blur` times, `(n, 32, 32, 3)`."""
    rng = numpy.random.default_rng(seed)
    y, x = numpy.meshgrid(numpy.arange(32), numpy.arange(32), indexing="ij")
    centres = rng.uniform(8, 24, size=(n, 2, 1, 1))
    disc = numpy.hypot(y - centres[:, 0], x - centres[:, 1]) < rng.uniform(3, 9, size=(n, 1, 1))
    images = 60 + 120 * disc[..., None] * rng.uniform(0, 1, size=(n, 1, 1, 3)) + 12 * rng.normal(size=(n, 32, 32, 3))
    for _ in range(blur):
        images = (images + sum(numpy.roll(images, s, axis=a) for a in (1, 2) for s in (1, -1))) / 5
    return images.clip(0, 255).astype(numpy.uint8)


class Table:
    def __init__(self):
        self.rows, self.wrong = [], []

    def add(self, what, quantity, own, other, tool, limit):
        difference = abs(own - other)
        self.rows.append(f"| {what} | {quantity} | {own:.8g} | {other:.8g} | {tool} | {difference:.1e} | {limit:.0e} |")
        if not difference <= limit:
            self.wrong.append(self.rows[-1])


def compare_features(gdiff, folder, table):
    for n, m, d, k in [(1000, 1000, 64, 5), (1000, 1000, 300, 5), (1500, 1200, 512, 5), (300, 250, 512, 3)]:
        real, fake = features(n, d, 1.0, 1), features(m, d, 0.9, 2)
        for name, x in (("real", real), ("fake", fake)):
            numpy.save(folder / f"{name}.npy", x)
        own = scores(gdiff, folder / "real.npy", folder / "fake.npy", "--k", k)
        what = f"{m} against {n} points, d = {d}"
        table.add(what, "FID", own["frechet"], fid(real, fake), "torch-fidelity", 1e-3)
        size = min(1000, n, m)
        mean, std = kid(real, fake, size)
        same = n == m == size
        # Other subsets: their means differ by their errors, less than both standard deviations over ten subsets.
        limit = 1e-9 if same else 3 * (std + own["kid"]["std"]) / 10 + 1e-9
        table.add(what, "KID, the same subsets" if same else "KID, other subsets", own["kid"]["mean"], mean, "torch-fidelity", limit)
        other = compute_prdc(real, fake, nearest_k=k)
        for metric in METRICS:
            table.add(what, metric, own[metric], float(other[metric]), "prdc", 1e-12)


def compare_images(gdiff, folder, table):
    network = networks.Inception()
    weights = networks.with_rule(network)
    write_safetensors(folder / "inception.safetensors", weights)
    torch.save({name: tensor.float() for name, tensor in network.state_dict().items()}, folder / "inception.pth")
    extractor = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(folder / "inception.pth")
    )
    sets = {"real": pictures(100, 1, 0), "fake": pictures(80, 2, 1)}
    found = {}
    for name, images in sets.items():
        numpy.save(folder / f"{name}.npy", images)
        parts = [torch.from_numpy(images[i : i + 20].transpose(0, 3, 1, 2).copy()) for i in range(0, len(images), 20)]
        with torch.no_grad():
            outputs = [extractor(part) for part in parts]
        found[name] = [torch.cat([output[i] for output in outputs]) for i in (0, 1)]
    options = ["--features", "inception", "--weights", folder / "inception.safetensors", "--inception-score"]
    own = scores(gdiff, folder / "real.npy", folder / "fake.npy", *options, "--resize", "torch-fidelity")
    (real, _), (fake, logits) = found["real"], found["fake"]
    what = "80 against 100 images of 32 x 32, each with its own features"
    real, fake = real.numpy().astype(float), fake.numpy().astype(float)
    table.add(what, "FID", own["frechet"], fid(real, fake), "torch-fidelity", 1e-3)
    mean, std = kid(real, fake, 80)
    table.add(what, "KID, other subsets", own["kid"]["mean"], mean, "torch-fidelity", 3 * (std + own["kid"]["std"]) / 10 + 1e-9)
    score = isc_features_to_metric(logits, splits=10, shuffle=False)
    table.add(what, "IS", own["inception_score"]["mean"], score["inception_score_mean"], "torch-fidelity", 1e-3)
    table.add(what, "IS, std", own["inception_score"]["std"], score["inception_score_std"], "torch-fidelity", 1e-3)
    other = compute_prdc(real, fake, nearest_k=5)
    for metric in METRICS:
        table.add(what, metric, own[metric], float(other[metric]), "prdc", 1e-12)
    by_way = {way: scores(gdiff, folder / "real.npy", folder / "fake.npy", *options, "--resize", way) for way in
              ("pytorch-fid", "torch-fidelity", "clean-fid")}
    return {way: (found["frechet"], found["kid"]["mean"], found["inception_score"]["mean"]) for way, found in by_way.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    table = Table()
    with tempfile.TemporaryDirectory() as folder:
        compare_features(arguments.gdiff, Path(folder), table)
        ways = compare_images(arguments.gdiff, Path(folder), table)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch-fidelity", "prdc", "scikit-learn"))
    lines = [
        "# Feature metrics against public tools",
        "",
        f"Written by `scripts/features_tools.sh`, with {versions}, numpy {numpy.__version__}, torch {torch.__version__}. The weights of",
        "Inception-v3 are random, by the rule of scripts/networks.py: the comparison needs no trained ones, and its values",
        "say nothing of images. torch-fidelity has its own definition of the network, and takes the same file of weights.",
        "",
        "| sets | metric | gdiff | tool | tool's name | difference | allowed |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *table.rows,
        "",
        "What the way of resizing to 299 x 299 does to the same images, in the same (random) features:",
        "",
        "| `--resize` | FID | KID | IS |",
        "| --- | --- | --- | --- |",
        *(f"| `{way}` | {a:.6g} | {b:.6g} | {c:.6g} |" for way, (a, b, c) in ways.items()),
        "",
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    aside = arguments.out.with_suffix(".partial")
    aside.write_text("\n".join(lines), encoding="utf-8")
    if table.wrong:
        aside.unlink()
        sys.exit("these differ by more than allowed:\n" + "\n".join(table.wrong))
    aside.replace(arguments.out)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
