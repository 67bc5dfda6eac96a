"""A peer's side of the comparison: `worker.py torch|jax|numpy`. Reads requests, one a line, in the form of
benches/compare/main.rs, and answers each with one line of JSON."""

import contextlib
import functools
import io
import json
import os
import sys
import time
import warnings

import numpy

import problem
from timing import measure

BATCH, POINTS, T, TIME_DIM = 256, 10_240, 100, 16


def hidden(width):
    return [width, 2 * width, 4 * width]


def normal(n, d):
    return numpy.random.default_rng(0).standard_normal((n, d)).astype(numpy.float32)


def torch_cases():
    import torch

    import torch_peer

    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(threads)

    def model(width, fused=False):
        times = problem.table_of_times(T, TIME_DIM)
        return torch_peer.Model(2, hidden(width), problem.Schedule(T), times, fused=fused)

    def train(seconds, width=16, fused=0):
        trained, data = model(int(width), bool(int(fused))), torch_peer.tensor(normal(POINTS, 2))
        batches = iter(())

        def step():
            nonlocal batches
            rows = next(batches, None)
            if rows is None:
                batches = iter(torch.randperm(POINTS).split(BATCH))
                rows = next(batches)
            trained.step(data[rows])

        return measure(seconds, 1, step)

    def sample(seconds, n=10_000, width=16):
        trained = model(int(width))

        def once():
            for _ in trained.sample(int(n)):
                pass

        return measure(seconds, T, once)

    return {"train": train, "sample": sample}


def jax_cases():
    import jax

    import jax_peer

    constants = jax_peer.constants(problem.Schedule(T), problem.table_of_times(T, TIME_DIM))

    def compiled(once):
        """Calls it for the first time, which compiles; so every round after the first is quick to begin."""
        clock = time.perf_counter()
        once()
        return once, time.perf_counter() - clock

    @functools.cache
    def training(width):
        """40 iterations in one call."""
        data = jax.numpy.asarray(normal(POINTS, 2))
        order = jax.numpy.asarray(jax_peer.orders(POINTS, BATCH, 1, numpy.random.default_rng(0)))
        state, key = jax_peer.start(2, hidden(width), constants), jax.random.key(1)

        def once():
            nonlocal state, key
            key, own = jax.random.split(key)
            state, losses = jax_peer.train(state, data, order, own, constants, 1e-3)
            losses.block_until_ready()

        return compiled(once)

    def train(seconds, width=16):
        once, seconds_to_compile = training(int(width))
        return measure(seconds, POINTS // BATCH, once) | {"compile_seconds": seconds_to_compile}

    @functools.cache
    def sampling(n, width):
        layers, key = jax_peer.start(2, hidden(width), constants)[0], jax.random.key(1)
        return compiled(lambda: jax_peer.sample(layers, key, constants, n, 2).block_until_ready())

    def sample(seconds, n=10_000, width=16):
        once, seconds_to_compile = sampling(int(n), int(width))
        return measure(seconds, T, once) | {"compile_seconds": seconds_to_compile}

    return {"train": train, "sample": sample}


def numpy_cases():
    warnings.filterwarnings("ignore", message="FastICA did not converge")
    workers = len(os.sched_getaffinity(0))

    def load(*paths):
        return [numpy.load(path) for path in paths]

    def sgemm(seconds, width=16):
        """The matrix products of one training iteration by numpy's own OpenBLAS, results into kept arrays."""
        sizes = [2 + TIME_DIM, *hidden(int(width)), 2]
        products = []
        for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            x, w, y = (numpy.full(shape, 0.1, numpy.float32) for shape in [(BATCH, inputs), (inputs, outputs), (BATCH, outputs)])
            products.append((x, w, y.copy()))
            products.append((x.T, y, w.copy()))
            if i > 0:
                products.append((y, w.T, x.copy()))

        def once():
            for a, b, out in products:
                numpy.matmul(a, b, out=out)

        return measure(seconds, 1, once)

    def prdc(seconds, real, fake, way):
        real, fake = load(real, fake)
        if way == "prdc":
            import prdc as package

            def once():
                with contextlib.redirect_stdout(io.StringIO()):
                    return package.compute_prdc(real, fake, 5)
        else:
            import tree_prdc

            def once():
                manifolds = [tree_prdc.Manifold(points, 5, workers) for points in (real, fake)]
                return tree_prdc.prdc(*manifolds)

        value = {}
        answer = measure(seconds, 1, lambda: value.update(once()))
        return answer | {key: float(number) for key, number in value.items()}

    def gaussianizer(real, way):
        import gaussianizer as peer

        (points,) = load(real)
        return lambda: peer.Gaussianizer(points, 5, direct=way == "direct"), points

    def fit(seconds, real, way):
        return measure(seconds, 1, gaussianizer(real, way)[0])

    def inverse(seconds, real, way):
        make, points = gaussianizer(real, way)
        fitted = make()
        return measure(seconds, 1, lambda: fitted.inverse(normal(*points.shape)))

    return {"sgemm": sgemm, "prdc": prdc, "fit": fit, "inverse": inverse}


def main():
    cases = {"torch": torch_cases, "jax": jax_cases, "numpy": numpy_cases}[sys.argv[1]]()
    for line in sys.stdin:
        name, *words = line.split()
        keys = dict(word.split("=", 1) for word in words)
        answer = cases[name](float(keys.pop("seconds", 1.0)), **keys)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
