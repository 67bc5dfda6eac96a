#!/usr/bin/env python3
"""Writes tests/oracles/welch.json: the difference of two means with Welch's 95 % interval.

    python3 scripts/oracles/welch.py > tests/oracles/welch.json      # numpy, scipy; under a second

Rows are (values a, values b, mean(a) - mean(b), lower end, upper end).
"""

import json

import numpy as np
from scipy.stats import ttest_ind

random = np.random.default_rng(15)
rows = []
for n_a, n_b in ((2, 2), (2, 9), (3, 3), (5, 3), (10, 10), (40, 7)):
    for spread in (0.01, 1.0, 30.0):
        a = random.normal(1.0, 1.0, n_a)
        b = random.normal(0.5, spread, n_b)
        interval = ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
        rows.append((a.tolist(), b.tolist(), a.mean() - b.mean(), interval.low, interval.high))
print(json.dumps(rows))
