#!/usr/bin/env python3
"""Writes tests/oracles/mode_error.json: L1 errors of mode weights by scikit-learn's responsibilities.

    python3 scripts/oracles/mode_error.py > tests/oracles/mode_error.json      # numpy, scipy and scikit-learn; a second

Each number is checked here a second way before it is written: in scipy, from
multivariate_normal.logpdf and logsumexp.
"""

import json

import numpy
import scipy
import sklearn
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.mixture import GaussianMixture

SEED = 20260801


def by_scipy(weights, means, covariances, x):
    terms = [numpy.log(w) + multivariate_normal.logpdf(x, m, c) for w, m, c in zip(weights, means, covariances)]
    terms = numpy.stack([numpy.atleast_1d(term) for term in terms], axis=1)
    responsibilities = numpy.exp(terms - logsumexp(terms, axis=1, keepdims=True))
    return numpy.abs(responsibilities.mean(axis=0) - weights).sum()


def case(name, weights, means, covariances, x):
    weights = numpy.array(weights)
    mixture = GaussianMixture(len(weights), covariance_type="full")
    mixture.weights_, mixture.means_, mixture.covariances_ = weights, means, covariances
    mixture.precisions_cholesky_ = numpy.stack([numpy.linalg.inv(numpy.linalg.cholesky(c)).T for c in covariances])
    error = float(numpy.abs(mixture.predict_proba(x).mean(axis=0) - weights).sum())
    other = float(by_scipy(weights, means, covariances, x))
    assert abs(error - other) <= 1e-11, (name, error, other)
    listed = {"weights": weights.tolist(), "means": means.tolist(), "covariances": covariances.tolist()}
    return {"name": name, **listed, "x": x.tolist(), "error": error}


def main():
    generator = numpy.random.default_rng(SEED)

    def normal(n, d):
        return generator.standard_normal((n, d)).round(4)

    def covariances(count, d):
        factors = generator.standard_normal((count, d, d + 2)).round(3)
        return numpy.einsum("kij,klj->kil", factors, factors) / (d + 2) + 0.1 * numpy.eye(d)

    four = numpy.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, -2.0]])
    cases = [
        case("line", [0.2, 0.5, 0.3], numpy.array([[-1.0], [0.5], [2.0]]), covariances(3, 1), normal(40, 1)),
        case("four_modes", [0.3, 0.3, 0.2, 0.2], four, numpy.stack([0.09 * numpy.eye(2)] * 4), 2.0 * normal(50, 2)),
        case("overlapping", [0.6, 0.4], numpy.array([[0.0, 0.0], [1.0, 0.0]]), covariances(2, 2), normal(60, 2)),
        # Every density of these points is below the range of numbers.
        case("far", [0.3, 0.3, 0.2, 0.2], four, numpy.stack([0.09 * numpy.eye(2)] * 4), 300.0 * normal(30, 2)),
        case("five", [0.1, 0.2, 0.3, 0.4], 2.0 * normal(4, 5), covariances(4, 5), 2.0 * normal(30, 5)),
        case("one_component", [1.0], normal(1, 3), covariances(1, 3), normal(10, 3)),
    ]
    provenance = (
        f"scikit-learn {sklearn.__version__} GaussianMixture.predict_proba, equal to scipy {scipy.__version__} "
        f"multivariate_normal.logpdf and logsumexp; numpy {numpy.__version__}; seed {SEED}; scripts/oracles/mode_error.py"
    )
    print(json.dumps({"provenance": provenance, "cases": cases}))


main()
