#!/usr/bin/env python3
"""Writes tests/oracles/random_features.json: features of images by the network of RandomNetwork, in numpy and scipy.

    python3 scripts/oracles/random_features.py > tests/oracles/random_features.json      # numpy and scipy; a second

Weights and images are formulas, which the test knows too.
"""

import json

import numpy
import scipy
from scipy.signal import correlate2d


def weights(channels):
    inputs = channels
    for outputs in (32, 64, 128):
        incoming = 9 * inputs
        flat = numpy.sin(1 + 0.37 * numpy.arange(outputs * incoming)) * numpy.sqrt(4 / incoming)
        yield flat.reshape(outputs, inputs, 3, 3)
        inputs = outputs


def image(height, width, channels):
    i = numpy.arange(height * width * channels)
    return ((37 * i + i * i % 101) % 256).reshape(height, width, channels)


def features(pixels):
    x = numpy.moveaxis(pixels / 127.5 - 1, 2, 0)
    for kernels, stride in zip(weights(len(x)), (1, 2, 2)):
        maps = [sum(correlate2d(m, k, "same") for m, k in zip(x, kernel)) for kernel in kernels]
        x = numpy.maximum(0, numpy.stack(maps)[:, ::stride, ::stride])
    return numpy.concatenate([x.mean(axis=(1, 2)), x.max(axis=(1, 2))])


def main():
    shapes = [(8, 8, 1), (14, 14, 3), (28, 28, 1), (32, 32, 3), (5, 9, 1), (1, 1, 1)]
    cases = [{"shape": shape, "features": features(image(*shape)).tolist()} for shape in shapes]
    print(json.dumps({"versions": {"numpy": numpy.__version__, "scipy": scipy.__version__}, "cases": cases}))


if __name__ == "__main__":
    main()
