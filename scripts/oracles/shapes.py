#!/usr/bin/env python3
"""Writes tests/oracles/shapes.json: statistics of scikit-learn's own two-dimensional sets.

    python3 scripts/oracles/shapes.py > tests/oracles/shapes.json      # numpy and scikit-learn; some seconds

Of each set a large sample: means, covariance, and quantiles of five projections. Parameters that gdiff does not
share with scikit-learn's defaults are given here (factor of the circles, columns of the three-dimensional sets).
"""

import json
import sys

import numpy
import sklearn
from sklearn import datasets

COUNT = 1_000_000
SEED = 20240917
LEVELS = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]


def first_and_third(points):
    return points[:, [0, 2]]


SETS = [
    ("swiss_roll", 0.1, lambda: first_and_third(datasets.make_swiss_roll(COUNT, noise=0.1, random_state=SEED)[0])),
    ("two_moons", 0.05, lambda: datasets.make_moons(COUNT, noise=0.05, random_state=SEED)[0]),
    ("circles", 0.05, lambda: datasets.make_circles(COUNT, noise=0.05, factor=0.5, random_state=SEED)[0]),
    ("s_curve", 0.1, lambda: first_and_third(datasets.make_s_curve(COUNT, noise=0.1, random_state=SEED)[0])),
]

PROJECTIONS = {
    "x": lambda p: p[:, 0],
    "y": lambda p: p[:, 1],
    "x+y": lambda p: p[:, 0] + p[:, 1],
    "x-y": lambda p: p[:, 0] - p[:, 1],
    "radius": lambda p: numpy.hypot(p[:, 0], p[:, 1]),
}


def case(name, noise, points):
    return {
        "name": name,
        "noise": noise,
        "mean": points.mean(axis=0).tolist(),
        "covariance": numpy.cov(points.T).tolist(),
        "quantiles": {key: numpy.quantile(of(points), LEVELS).tolist() for key, of in PROJECTIONS.items()},
    }


def main():
    oracle = {
        "provenance": "scripts/oracles/shapes.py: sklearn.datasets make_swiss_roll and make_s_curve (columns 0 and 2), "
        f"make_moons, make_circles(factor=0.5); {COUNT} points each, random_state {SEED}; "
        f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}",
        "count": COUNT,
        "levels": LEVELS,
        "cases": [case(name, noise, make()) for name, noise, make in SETS],
    }
    json.dump(oracle, sys.stdout, indent=1)
    sys.stdout.write("\n")


main()
