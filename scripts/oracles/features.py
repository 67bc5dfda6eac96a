#!/usr/bin/env python3
"""Writes tests/oracles/features.json: Frechet and kernel distances and inception scores by numpy, scipy and scikit-learn.

    python3 scripts/oracles/features.py > tests/oracles/features.json      # numpy, scipy and scikit-learn; a second

The Frechet distance is the formula of the FID with scipy.linalg.sqrtm of the product of the covariances, where there are
more points than dimensions in both sets; elsewhere, and everywhere a second time, from the eigenvalues of the symmetric
S1^(1/2) S2 S1^(1/2). Both agree to 1e-9 before anything is written.
"""

import json

import numpy
import scipy
import sklearn
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

SEED = 20261126


def by_eigenvalues(a, b):
    values, vectors = numpy.linalg.eigh(a)
    root = (vectors * numpy.sqrt(values.clip(0))) @ vectors.T
    return numpy.sqrt(numpy.linalg.eigvalsh(root @ b @ root).clip(0)).sum()


def frechet(x, y):
    a, b = (numpy.atleast_2d(numpy.cov(points, rowvar=False)) for points in (x, y))
    mean = ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()
    root = by_eigenvalues(a, b)
    if min(len(x), len(y)) > x.shape[1]:
        other = numpy.trace(sqrtm(a @ b)).real
        assert abs(other - root) < 1e-9 * root, (other, root)
    return mean + numpy.trace(a) + numpy.trace(b) - 2 * root


def kernel(x, y):
    def k(a, b):
        return polynomial_kernel(a, b, degree=3, gamma=1 / a.shape[1], coef0=1)

    n, m = len(x), len(y)
    own = [(k(p, p).sum() - numpy.trace(k(p, p))) / (len(p) * (len(p) - 1)) for p in (x, y)]
    return sum(own) - 2 * k(x, y).sum() / (n * m)


def score(p, parts):
    scores = []
    for i in range(parts):
        part = p[i * len(p) // parts : (i + 1) * len(p) // parts]
        kl = part * (numpy.log(part) - numpy.log(part.mean(axis=0, keepdims=True)))
        scores.append(numpy.exp(kl.sum(axis=1).mean()))
    return [numpy.mean(scores), numpy.std(scores)]


def main():
    rng = numpy.random.default_rng(SEED)
    cases = []
    for name, n, m, d in [
        ("line", 7, 9, 1),
        ("plane", 40, 40, 2),
        ("many points", 60, 50, 6),
        ("as many points as dimensions", 8, 8, 8),
        ("few real points", 5, 40, 8),
        ("few generated points", 40, 5, 8),
        ("few points", 6, 9, 30),
    ]:
        mix = rng.normal(size=(d, d))
        x = rng.normal(size=(n, d)) @ mix
        y = rng.normal(size=(m, d)) * rng.uniform(0.3, 2, size=d) + rng.normal(size=d)
        same = min(n, m)
        cases.append(
            {
                "name": name,
                "real": x.tolist(),
                "generated": y.tolist(),
                "frechet": frechet(x, y),
                "kernel": kernel(x[:same], y[:same]),
            }
        )
    logits = rng.normal(size=(53, 7)) * 2
    p = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    versions = {"numpy": numpy.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    scores = {"probabilities": p.tolist(), "ten": score(p, 10), "one": score(p, 1)}
    print(json.dumps({"versions": versions, "cases": cases, "scores": scores}))


if __name__ == "__main__":
    main()
