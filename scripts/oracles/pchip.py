#!/usr/bin/env python3
"""Writes tests/oracles/pchip.json: monotone interpolants of several sequences, and their derivatives.

    python3 scripts/oracles/pchip.py > tests/oracles/pchip.json      # numpy, scipy; under a second

Rows are (knots, values, places, values there, derivatives there). scipy's numbers are of scipy 1.17.
"""

import json

import numpy as np
from scipy.interpolate import PchipInterpolator

random = np.random.default_rng(7)


def log_alpha_bar(betas):
    return np.concatenate([[0.0], np.cumsum(np.log1p(-betas))])


angle = (np.arange(21) / 20 + 0.008) / 1.008 * np.pi / 2
cosine = np.minimum(1 - np.cos(angle[1:]) ** 2 / np.cos(angle[:-1]) ** 2, 0.999)
sequences = [
    log_alpha_bar(np.linspace(1e-3, 0.2, 100)),
    log_alpha_bar(cosine),
    np.array([0.0, -1.0]),
    np.array([0.0, -1e-4, -3.0]),
    np.array([1.0, 1.0, 2.0, 1.5, 1.5, 7.0, -2.0]),
    random.normal(size=12),
]
cases = [(np.arange(len(y), dtype=float), y) for y in sequences]
for _ in range(3):
    cases.append((np.cumsum(random.uniform(0.05, 3.0, 9)), random.normal(size=9)))
rows = []
for x, y in cases:
    p = PchipInterpolator(x, y)
    places = np.concatenate([x, random.uniform(x[0], x[-1], 30)])
    rows.append([v.tolist() for v in (x, y, places, p(places), p.derivative()(places))])
print(json.dumps(rows))
