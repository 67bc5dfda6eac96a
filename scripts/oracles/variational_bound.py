#!/usr/bin/env python3
"""Writes tests/oracles/variational_bound.json: the terms of the variational bound of a learned variance, in numpy.

    python3 scripts/oracles/variational_bound.py > tests/oracles/variational_bound.json      # numpy; at once

The way of Nichol & Dhariwal's public code (improved-diffusion, gaussian_diffusion.py): the posterior's mean from x_0 and
x_t, the model's mean from the x_0 that it predicts, and the divergence of two normal distributions by their means and
log-variances. Nats and no mean over coordinates, where theirs are bits; at t = 1 the density of a normal distribution, where
theirs is that of the 256 levels of a pixel. Derivatives by the variance's output are by the complex step, exact to rounding.
"""

import json

import numpy as np

SEED = 20260801


def schedule(betas):
    """The arrays of GaussianDiffusion.__init__, index 0 for t = 1."""
    abar = np.cumprod(1.0 - betas)
    before = np.append(1.0, abar[:-1])
    posterior = betas * (1.0 - before) / (1.0 - abar)
    return {
        "betas": betas,
        "abar": abar,
        "posterior_log_variance": np.log(np.append(posterior[1], posterior[1:])),
        "coefficient_x0": betas * np.sqrt(before) / (1.0 - abar),
        "coefficient_xt": (1.0 - before) * np.sqrt(1.0 - betas) / (1.0 - abar),
    }


def normal_kl(mean1, logvar1, mean2, logvar2):
    return 0.5 * (-1.0 + logvar2 - logvar1 + np.exp(logvar1 - logvar2) + (mean1 - mean2) ** 2 * np.exp(-logvar2))


def terms(s, i, x0, noise, predicted, output):
    """L_t of each coordinate, t = i + 1, as a function of the variance's output, which may be complex."""
    x_t = np.sqrt(s["abar"][i]) * x0 + np.sqrt(1.0 - s["abar"][i]) * noise
    low, high = s["posterior_log_variance"][i], np.log(s["betas"][i])
    fraction = (output + 1.0) / 2.0
    log_variance = fraction * high + (1.0 - fraction) * low
    predicted_x0 = (x_t - np.sqrt(1.0 - s["abar"][i]) * predicted) / np.sqrt(s["abar"][i])
    mean = s["coefficient_x0"][i] * predicted_x0 + s["coefficient_xt"][i] * x_t
    if i == 0:
        return 0.5 * (np.log(2.0 * np.pi) + log_variance + (x0 - mean) ** 2 * np.exp(-log_variance))
    true_mean = s["coefficient_x0"][i] * x0 + s["coefficient_xt"][i] * x_t
    return normal_kl(true_mean, low, mean, log_variance)


def case(name, betas, steps, rng):
    s, found = schedule(betas), []
    for t in steps:
        x0, noise, output = rng.standard_normal(3), rng.standard_normal(3), rng.uniform(-2.0, 2.0, 3)
        predicted = noise + 0.4 * rng.standard_normal(3)
        derivative = [
            terms(s, t - 1, x0, noise, predicted, output + 1e-30j * np.eye(3)[j])[j].imag / 1e-30 for j in range(3)
        ]
        found.append({
            "t": t,
            "noise": noise.tolist(),
            "predicted": predicted.tolist(),
            "output": output.tolist(),
            "terms": terms(s, t - 1, x0, noise, predicted, output).tolist(),
            "derivatives": derivative,
        })
    return {"name": name, "betas": betas.tolist(), "points": found}


def main():
    rng = np.random.default_rng(SEED)
    cases = [
        case("linear, 20 steps", np.linspace(0.005, 0.6, 20), [1, 2, 3, 10, 20], rng),
        case("linear, 200 steps", np.linspace(5e-4, 0.1, 200), [1, 2, 100, 200], rng),
        case("2 steps", np.array([0.3, 0.7]), [1, 2], rng),
    ]
    print(json.dumps({"numpy": np.__version__, "cases": cases}, indent=1))


main()
