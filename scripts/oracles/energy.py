#!/usr/bin/env python3
"""Writes tests/oracles/energy.json: squared energy distances by dcor, U-statistics, in 1 to 64 dimensions.

    python3 scripts/oracles/energy.py > tests/oracles/energy.json      # numpy, scipy and dcor; some seconds

Each number is checked here a second way before it is written: from scipy's matrices of distances, all pairs i != j
summed by math.fsum; and on a line a third, scipy.stats.energy_distance, the root of the same with pairs i = i, whose
square is corrected for them.
"""

import json
import math

import dcor
import numpy
import scipy
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance

SEED = 20260731


def mean_within(points):
    distances = cdist(points, points)
    numpy.fill_diagonal(distances, 0.0)
    return math.fsum(distances.ravel()) / (len(points) * (len(points) - 1))


def case(name, real, fake):
    distance = float(dcor.energy_distance(real, fake, estimation_stat="u_statistic"))
    between = math.fsum(cdist(real, fake).ravel()) / (len(real) * len(fake))
    within = [mean_within(points) for points in (real, fake)]
    other = 2 * between - sum(within)
    assert abs(distance - other) <= 1e-11 * between, (name, distance, other)
    if real.shape[1] == 1:
        # With the pairs i = i the means within are smaller by (n - 1) / n; scipy's distance squared is half of dcor's,
        # times 2: 2 integral (F - G)^2.
        excess = sum(mean / len(points) for mean, points in zip(within, (real, fake)))
        line = energy_distance(real[:, 0], fake[:, 0]) ** 2 - excess
        assert abs(distance - line) <= 1e-11 * between, (name, distance, line)
    return {"name": name, "real": real.tolist(), "fake": fake.tolist(), "distance": other, "between": between}


def main():
    generator = numpy.random.default_rng(SEED)

    def normal(n, d):
        return generator.standard_normal((n, d)).round(4)

    ties = generator.integers(0, 3, (30, 2)).astype(float)
    cases = [
        case("line_n9_m9", normal(9, 1), normal(9, 1) + 1.0),
        case("line_n40_m23", normal(40, 1), normal(23, 1) * 2.0),
        case("line_ties", ties[:, :1], ties[:20, 1:] + 1.0),
        case("plane_n2_m2", normal(2, 2), normal(2, 2)),
        case("plane_n8_m16", normal(8, 2), normal(16, 2) + 0.5),
        case("plane_n75_m67", normal(75, 2), normal(67, 2) * [0.5, 2.0]),
        case("plane_n70_m2", normal(70, 2), normal(2, 2)),
        case("plane_ties", ties, ties[:17] + 1.0),
        case("three_n33_m65", normal(33, 3), normal(65, 3) * 1.2),
        case("far_n12_m20", normal(12, 3) * 1e3 + 1e4, normal(20, 3) - 1e4),
        case("five_n21_m30", normal(21, 5), normal(30, 5) * [1.0, 2.0, 0.1, 1.0, 3.0]),
        case("sixteen_n19_m9", normal(19, 16), normal(9, 16) * 0.9),
        case("sixtyfour_n12_m13", normal(12, 64), normal(13, 64) + 0.1),
    ]
    provenance = (
        f"scipy {scipy.__version__} cdist summed by math.fsum, equal to dcor {dcor.__version__} "
        'energy_distance(real, fake, estimation_stat="u_statistic"), and on a line to scipy.stats.energy_distance; '
        f"numpy {numpy.__version__}; seed {SEED}; scripts/oracles/energy.py"
    )
    print(json.dumps({"provenance": provenance, "cases": cases}))


main()
