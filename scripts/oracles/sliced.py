#!/usr/bin/env python3
"""Writes tests/oracles/sliced.json: sliced Wasserstein-2 distances by POT, on given directions.

    python3 scripts/oracles/sliced.py > tests/oracles/sliced.json      # numpy, scipy and pot; a second

Each case holds its points and its directions, so that the comparison is one of the algorithm and not of random numbers.
The distance is checked here a second way before it is written: by scipy's assignment of replicated points in each
projection, which knows nothing of quantiles.
"""

import json

import numpy
import ot
import scipy
from scipy.optimize import linear_sum_assignment

SEED = 20240917


def unit_rows(generator, count, d):
    rows = generator.standard_normal((count, d))
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def by_assignment(real, fake, directions):
    """Each point as often as makes both sets of one size, matched at least cost along each direction."""
    size = numpy.lcm(len(real), len(fake))
    total = 0.0
    for theta in directions:
        a = numpy.repeat(real @ theta, size // len(real))
        b = numpy.repeat(fake @ theta, size // len(fake))
        cost = (a[:, None] - b[None, :]) ** 2
        total += cost[linear_sum_assignment(cost)].mean()
    return numpy.sqrt(total / len(directions))


def case(name, real, fake, directions):
    distance = float(ot.sliced.sliced_wasserstein_distance(real, fake, projections=directions.T, p=2))
    other = by_assignment(real, fake, directions)
    assert abs(distance - other) <= 1e-9 * max(distance, 1e-3), (name, distance, other)
    listed = {"real": real.tolist(), "fake": fake.tolist(), "directions": directions.tolist()}
    return {"name": name, **listed, "distance": distance}


def main():
    generator = numpy.random.default_rng(SEED)

    def normal(n, d):
        return generator.standard_normal((n, d)).round(6)

    def angles(count):
        at = (numpy.arange(count) + 0.5) * numpy.pi / count
        return numpy.stack([numpy.cos(at), numpy.sin(at)], axis=1)

    ties = generator.integers(0, 4, (24, 2)).astype(float)
    cases = [
        case("line_n9_m9", normal(9, 1), normal(9, 1) + 1.0, numpy.ones((1, 1))),
        case("line_n9_m14", normal(9, 1), normal(14, 1) * 2.0, numpy.ones((1, 1))),
        case("plane_n20_m20", normal(20, 2), normal(20, 2) + [0.5, -2.0], angles(16)),
        case("plane_n7_m12", normal(7, 2), normal(12, 2), angles(16)),
        case("plane_n1_m10", normal(1, 2), normal(10, 2), angles(8)),
        case("ties_n24_m16", ties, ties[:16] + 1.0, angles(8)),
        case("five_n15_m10", normal(15, 5), normal(10, 5) * [1.0, 2.0, 0.1, 1.0, 3.0], unit_rows(generator, 20, 5)),
        case("far_n12_m12", normal(12, 3) * 1e3 + 1e4, normal(12, 3) - 1e4, unit_rows(generator, 9, 3)),
    ]
    provenance = (
        f"POT {ot.__version__} ot.sliced.sliced_wasserstein_distance(real, fake, projections=directions.T, p=2), equal to "
        f"scipy {scipy.__version__} linear_sum_assignment of replicated points; numpy {numpy.__version__}; seed {SEED}; "
        "scripts/oracles/sliced.py"
    )
    print(json.dumps({"provenance": provenance, "cases": cases}))


main()
