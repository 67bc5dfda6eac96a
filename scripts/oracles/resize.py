#!/usr/bin/env python3
"""Writes tests/oracles/resize.json: images resized by PyTorch, torch-fidelity and Pillow, as the tools for the FID do.

    python3 scripts/oracles/resize.py > tests/oracles/resize.json
    # numpy, torch, Pillow and torch-fidelity (of which one file is read, which needs torch alone); a second
"""

import importlib.util
import json

import numpy
import PIL
import torch
import torch.nn.functional as F
from PIL import Image


def tensorflow_1():
    """torch_fidelity/interpolate_compat_tensorflow.py, without the package, whose other files need torchvision."""
    folder = importlib.util.find_spec("torch_fidelity").submodule_search_locations[0]
    path = f"{folder}/interpolate_compat_tensorflow.py"
    spec = importlib.util.spec_from_file_location("interpolate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.interpolate_bilinear_2d_like_tensorflow1x


def image(height, width, channels):
    i = numpy.arange(height * width * channels)
    x = ((37 * i + i * i % 101) % 256).astype(numpy.uint8).reshape(height, width, channels)
    return numpy.repeat(x, 3, axis=2) if channels == 1 else x


def by(way, x, size):
    tensor = torch.from_numpy(x.transpose(2, 0, 1)[None]).float()
    if way == "pytorch-fid":
        return F.interpolate(tensor, size=size, mode="bilinear", align_corners=False)[0].numpy()
    if way == "torch-fidelity":
        return tensorflow_1()(tensor, size=size, align_corners=False)[0].numpy()
    planes = [Image.fromarray(x[..., c].astype(numpy.float32), mode="F") for c in range(3)]
    resized = [numpy.asarray(p.resize(size[::-1], resample=Image.BICUBIC)) for p in planes]
    return numpy.stack(resized).clip(0, 255)


def main():
    cases = []
    for way in ("pytorch-fid", "torch-fidelity", "clean-fid"):
        for start, size in [
            ((5, 7, 1), (9, 12)),
            ((28, 20, 1), (6, 7)),
            ((8, 8, 3), (13, 5)),
            ((1, 3, 3), (4, 4)),
            ((31, 17, 3), (8, 8)),
        ]:
            values = [round(float(v), 4) for v in by(way, image(*start), size).ravel()]
            cases.append({"way": way, "from": start, "to": size, "values": values})
    print(json.dumps({"versions": {"torch": torch.__version__, "Pillow": PIL.__version__}, "cases": cases}))


if __name__ == "__main__":
    main()
