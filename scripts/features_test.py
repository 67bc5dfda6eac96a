"""Compares every layer of gdiff's feature networks, and the features of images resized in the three ways, with PyTorch.

    python3 scripts/features_test.py GDIFF NETWORK_LAYERS FOLDER      # numpy and torch; a minute

Called by features_test.sh. The weights are random, by the rule of networks.py with another seed for each run of the
networks, so that nothing depends on a file from elsewhere.
"""

import json
import subprocess
import sys
from pathlib import Path

import networks
import numpy
import torch
import torch.nn.functional as F
from convert_inception import write_safetensors

LIMIT = 1e-5


def compare_layers(program, folder, name, network):
    """The largest difference of each layer, in units of its largest number."""
    weights = folder / f"{name}.safetensors"
    write_safetensors(weights, networks.with_rule(network))
    numpy.save(folder / "input.npy", networks.picture(network.side))
    out = folder / name
    out.mkdir()
    subprocess.run([program, name, weights, folder / "input.npy", out], check=True)
    expected = networks.layers(network, torch.from_numpy(networks.picture(network.side)).double())
    found = {path.stem: numpy.load(path) for path in out.glob("*.npy")}
    assert found.keys() == expected.keys(), found.keys() ^ expected.keys()
    worst = ("", 0.0)
    for layer, values in expected.items():
        values = values.numpy()
        assert found[layer].shape == values.shape, layer
        error = abs(found[layer] - values).max() / abs(values).max()
        assert error < LIMIT, f"{name}, {layer}: {error:.2e}"
        worst = max(worst, (layer, error), key=lambda pair: pair[1])
    print(f"{name}: {len(expected)} layers; the largest difference is {worst[1]:.1e}, in {worst[0]}")
    return weights


def cubic(x):
    """Keys's kernel with a = -1/2, as Pillow's BICUBIC."""
    x = abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return numpy.where(x < 1, near, numpy.where(x < 2, far, 0))


def matrix(size, wanted, way):
    """The matrix of a resizing along one axis, `(wanted, size)`, from its definition, entry by entry."""
    ratio = size / wanted
    out, place = numpy.arange(wanted)[:, None], numpy.arange(size)[None]
    if way == "clean-fid":
        wide = max(ratio, 1)
        weights = cubic((place + 0.5 - (out + 0.5) * ratio) / wide)
    else:
        at = out * ratio if way == "torch-fidelity" else numpy.maximum((out + 0.5) * ratio - 0.5, 0)
        weights = numpy.maximum(1 - abs(place - numpy.minimum(at, size - 1)), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def resized(images, side, way):
    """`(n, 3, side, side)` of `(n, h, w[, 3])`, 0 to 255."""
    if images.ndim == 3:
        images = numpy.repeat(images[..., None], 3, axis=3)
    x = images.transpose(0, 3, 1, 2).astype(float)
    y = matrix(x.shape[2], side, way) @ x @ matrix(x.shape[3], side, way).T
    if way == "pytorch-fid":
        torchs = F.interpolate(torch.from_numpy(x), size=(side, side), mode="bilinear", align_corners=False)
        assert abs(torchs.numpy() - y).max() < 1e-9
    return y.clip(0, 255)


def compare_features(gdiff, folder, name, network, weights):
    """Features of images, read back from the cache that gdiff writes."""
    rng = numpy.random.default_rng(1)
    pictures = {
        "grey": rng.integers(0, 256, (12, 28, 28), dtype=numpy.uint8),
        "wide": rng.integers(0, 256, (12, 20, 33, 3), dtype=numpy.uint8),
        "large": rng.integers(0, 256, (12, 401, 310, 3), dtype=numpy.uint8),
    }
    for way in ("pytorch-fid", "torch-fidelity", "clean-fid"):
        for kind, images in pictures.items():
            path, cache = folder / f"{kind}.npy", folder / f"cache-{name}-{way}-{kind}"
            numpy.save(path, images)
            options = ["--features", name, "--weights", weights, "--resize", way, "--cache", cache, "--json"]
            options += ["--inception-score"] if name == "inception" else []
            output = subprocess.run(
                [gdiff, "metrics", path, path, *options], check=True, capture_output=True, text=True
            )
            report = json.loads(output.stdout)
            assert (report["resize"], report["features"]) == (way, name)
            (file,) = cache.iterdir()
            header_bytes = int.from_bytes(file.read_bytes()[:8], "little")
            header = json.loads(file.read_bytes()[8 : 8 + header_bytes])
            body = file.read_bytes()[8 + header_bytes :]

            def tensor(key):
                begin, end = header[key]["data_offsets"]
                return numpy.frombuffer(body[begin:end], "<f4").reshape(header[key]["shape"])

            x = resized(images, network.side, way)
            if name == "resnet50":
                mean, std = numpy.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]
                x = (x / 255 - mean) / std
            else:
                x = x / 127.5 - 1 if way == "pytorch-fid" else (x - 128) / 128
            with torch.no_grad():
                features, logits = network(torch.from_numpy(x[:3]))
            error = abs(tensor("features")[:3] - features.numpy()).max() / abs(features.numpy()).max()
            assert error < LIMIT, (way, kind, error)
            if logits is not None:
                error = abs(tensor("logits")[:3] - logits.numpy()).max() / abs(logits.numpy()).max()
                assert error < LIMIT, (way, kind, error)
                p = torch.softmax(torch.from_numpy(tensor("logits").astype(float)), dim=1).numpy()
                parts = [p[i * 12 // 10 : (i + 1) * 12 // 10] for i in range(10)]
                scores = [numpy.exp((q * numpy.log(q / q.mean(axis=0))).sum(axis=1).mean()) for q in parts]
                assert abs(report["inception_score"]["mean"] - numpy.mean(scores)) < 1e-9
        print(f"{name}, {way}: features of grey, wide and large images agree")


def main():
    gdiff, program, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    for name, network in [("inception", networks.Inception()), ("resnet50", networks.ResNet50())]:
        weights = compare_layers(program, folder, name, network)
        compare_features(gdiff, folder, name, network, weights)


if __name__ == "__main__":
    main()
