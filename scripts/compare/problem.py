"""The experiment that every peer runs, in numpy alone: read from the same spec as gdiff's, so that sizes agree."""

import tomllib

import numpy


def table_of_times(steps, dim):
    """Sinusoidal embedding of t = 1..T, (T, dim)."""
    u = 1000.0 * numpy.arange(steps) / steps
    w = 10_000.0 ** (-numpy.arange(dim // 2) / (dim // 2))
    angles = u[:, None] * w
    return numpy.concatenate([numpy.sin(angles), numpy.cos(angles)], axis=1).astype(numpy.float32)


class Schedule:
    """Linear betas, stretched to T steps; index t - 1."""

    def __init__(self, steps, beta_start=1e-4, beta_end=0.02):
        self.beta = numpy.linspace(beta_start, beta_end, steps) * 1000.0 / steps
        self.alpha_bar = numpy.cumprod(1.0 - self.beta)
        previous = numpy.concatenate([[1.0], self.alpha_bar[:-1]])
        self.signal = numpy.sqrt(self.alpha_bar).astype(numpy.float32)
        self.sigma = numpy.sqrt(1.0 - self.alpha_bar).astype(numpy.float32)
        # x_{t-1} = growth (x - share eps) + spread z
        self.growth = (1.0 / numpy.sqrt(1.0 - self.beta)).astype(numpy.float32)
        self.share = (self.beta / numpy.sqrt(1.0 - self.alpha_bar)).astype(numpy.float32)
        posterior = (1.0 - previous) / (1.0 - self.alpha_bar) * self.beta
        self.spread = numpy.sqrt(posterior).astype(numpy.float32)
        self.spread[0] = 0.0


class Mixture:
    """Isotropic Gaussian components."""

    def __init__(self, components):
        weights = numpy.array([c.get("weight", 1.0) for c in components])
        self.weights = weights / weights.sum()
        self.means = numpy.array([c["mean"] for c in components])
        self.stds = numpy.array([c["std"] for c in components])

    def draw(self, n, rng):
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self.means[which] + self.stds[which, None] * noise

    def log_density(self, x):
        d = self.means.shape[1]
        squares = ((x[:, None, :] - self.means) ** 2).sum(axis=2)
        each = numpy.log(self.weights) - 0.5 * squares / self.stds**2
        each -= 0.5 * d * numpy.log(2.0 * numpy.pi * self.stds**2)
        top = each.max(axis=1, keepdims=True)
        return top[:, 0] + numpy.log(numpy.exp(each - top).sum(axis=1))


class Problem:
    """Sizes, data and reference points of a spec; `points` and `epochs` replace its own."""

    def __init__(self, path, points=None, epochs=None):
        with open(path, "rb") as file:
            spec = tomllib.load(file)
        self.mixture = Mixture(spec["data"]["components"])
        self.steps = spec["diffusion"]["steps"]
        self.schedule = Schedule(self.steps, spec["diffusion"]["beta_start"], spec["diffusion"]["beta_end"])
        width = spec["network"]["width"]
        self.hidden = [width, 2 * width, 4 * width]
        self.times = table_of_times(self.steps, spec["network"]["time_dim"])
        train = spec["train"]
        self.epochs, self.batch, self.rate = epochs or train["epochs"], train["batch_size"], train["learning_rate"]
        self.count, self.k = points or spec["sample"]["count"], spec["metrics"]["k"]
        self.rng = numpy.random.default_rng(spec["seed"])
        self.train = self.mixture.draw(points or spec["data"]["samples"], self.rng)
        self.reference = self.mixture.draw(points or spec["metrics"]["reference"], self.rng)
