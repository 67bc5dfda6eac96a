#!/usr/bin/env python3
"""Writes tests/oracles/power.json: the power of the two-sided one-sample t-test at 5 %, by the noncentral t distribution.

    python3 scripts/oracles/power.py > tests/oracles/power.json      # scipy; under a second

Rows are (true mean in standard deviations, sample size, power).
"""

import json
import math

from scipy.stats import nct, t

rows = []
for n in (2, 3, 5, 10, 30, 200):
    quantile = t.ppf(0.975, n - 1)
    for ratio in (0.1, 0.5, 1.0, 2.0, 5.0):
        shift = ratio * math.sqrt(n)
        power = nct.sf(quantile, n - 1, shift) + nct.cdf(-quantile, n - 1, shift)
        # scipy gives no number where the power is 1 to all digits.
        if math.isfinite(power):
            rows.append((ratio, n, float(power)))
print(json.dumps(rows))
