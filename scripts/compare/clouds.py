"""`clouds.py SPEC FOLDER`: the points that PRDC and the Gaussianizer are timed on, the same for all."""

import os
import sys

import numpy

from problem import Problem


def wide(n, d, rng):
    """Eight well-separated components."""
    centres = numpy.random.default_rng(1).standard_normal((8, d))
    return 4.0 * centres[numpy.arange(n) % 8] + 0.4 * rng.standard_normal((n, d))


def main():
    spec, folder = sys.argv[1:]
    os.makedirs(folder)
    mixture, rng = Problem(spec).mixture, numpy.random.default_rng(2)
    for name in ("real", "fake"):
        numpy.save(f"{folder}/{name}2.npy", mixture.draw(10_000, rng))
        numpy.save(f"{folder}/{name}64.npy", wide(10_000, 64, rng))
        numpy.save(f"{folder}/{name}big.npy", mixture.draw(100_000, rng))


main()
