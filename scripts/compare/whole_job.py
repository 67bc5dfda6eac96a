"""gdiff's whole job by a peer: both pipelines of scripts/compare/workload.toml, all metrics at every reverse step.

`plain`: PyTorch eager, sklearn's FastICA with direct sums and tables, the package `prdc` at every step.
`fast`: JAX, every training and sampling one compiled scan, binned sums, k-d tree PRDC with the real points' radii
kept; a process for each pipeline, a core each.

The map is the first paper's (five layers of ICA). Prints one line of JSON.
"""

import time

BEGIN = time.perf_counter()

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import warnings

PIPELINES = ["baseline", "gaussianized"]


class Stages:
    """Seconds by name; a stage within another counts for itself alone."""

    def __init__(self):
        self.seconds, self.open = {}, []

    @contextlib.contextmanager
    def __call__(self, name):
        self.open.append(0.0)
        clock = time.perf_counter()
        yield
        whole = time.perf_counter() - clock
        within = self.open.pop()
        if self.open:
            self.open[-1] += whole
        self.seconds[name] = self.seconds.get(name, 0.0) + whole - within


def plain_way(problem, stages):
    with stages("import"):
        import prdc
        import torch
        import torch_peer

    # Two are no faster for a network of this size.
    torch.set_num_threads(1)
    model = torch_peer.Model(2, problem.hidden, problem.schedule, problem.times, problem.rate)

    def train(points):
        model.train(torch_peer.tensor(points), problem.batch, problem.epochs)

    def sample():
        return (x.numpy().astype("float64") for x in model.sample(problem.count))

    def score(points):
        with contextlib.redirect_stdout(io.StringIO()):
            return prdc.compute_prdc(problem.reference, points, problem.k)

    return train, sample, score


def fast_way(problem, stages):
    with stages("import"):
        import jax
        import jax_peer
        import numpy
        import tree_prdc

    constants = jax_peer.constants(problem.schedule, problem.times)
    state = jax_peer.start(2, problem.hidden, constants)
    real = tree_prdc.Manifold(problem.reference, problem.k, len(os.sched_getaffinity(0)))

    def train(points):
        nonlocal state
        order = jax_peer.orders(len(points), problem.batch, problem.epochs, problem.rng)
        data = numpy.asarray(points, dtype=numpy.float32)
        arguments = (state, data, order, jax.random.key(1), constants, problem.rate)
        with stages("compile"):
            run = jax_peer.train.lower(*arguments).compile()
        state = jax.block_until_ready(run(*arguments))[0]

    def sample():
        arguments = (state[0], jax.random.key(2), constants)
        with stages("compile"):
            run = jax_peer.sample.lower(*arguments, problem.count, 2).compile()
        return iter(numpy.asarray(run(*arguments), dtype=numpy.float64))

    def score(points):
        return tree_prdc.prdc(real, tree_prdc.Manifold(points, problem.k, real.workers))

    return train, sample, score


def pipeline(name, way, prdc_every, *spec):
    """One pipeline from data to its table of metrics."""
    stages = Stages()
    with stages("import"):
        import gaussianizer
        from problem import Problem
        from timing import memory

    warnings.filterwarnings("ignore", message="FastICA did not converge")
    problem = Problem(*spec)
    train, sample, score = (plain_way if way == "plain" else fast_way)(problem, stages)
    points, back = problem.train, lambda x: x
    if name == "gaussianized":
        with stages("fit"):
            fitted = gaussianizer.Gaussianizer(points, layers=5, direct=way == "plain")
            points, back = fitted.z, fitted.inverse
    with stages("train"):
        train(points)
    with stages("sample"):
        path = sample()
    rows, scored = [], 0
    for step in range(problem.steps + 1):
        with stages("sample"):
            x = next(path)
        with stages("inverse"):
            x = back(x)
        with stages("log-likelihood"):
            row = {"step": step, "log_likelihood": float(problem.mixture.log_density(x).mean())}
        if step % prdc_every == 0 or step == problem.steps:
            with stages("prdc"):
                row |= {key: float(value) for key, value in score(x).items()}
            scored += 1
        rows.append(row)
    return {
        "pipeline": name,
        "seconds": stages.seconds,
        "prdc_steps": scored,
        "steps": problem.steps + 1,
        "first": rows[0],
        "last": rows[-1],
        "peak_mib": memory("VmHWM"),
    }


def in_process(index, cores, arguments, queue):
    os.sched_setaffinity(0, {cores[index % len(cores)]})
    queue.put(pipeline(*arguments))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["plain", "fast"])
    parser.add_argument("spec")
    parser.add_argument("--jobs", type=int, default=1, help="2: a process for each pipeline, a core each")
    parser.add_argument("--prdc-every", type=int, default=1, help="PRDC at every so many steps only, and at the last")
    parser.add_argument("--points", type=int, help="instead of the spec's: to train on, to compare with, to sample")
    parser.add_argument("--epochs", type=int, help="instead of the spec's")
    options = parser.parse_args()
    spec = (options.spec, options.points, options.epochs)
    jobs = [(name, options.way, options.prdc_every, *spec) for name in PIPELINES]
    if options.jobs == 1:
        done = [pipeline(*job) for job in jobs]
    else:
        context, cores = multiprocessing.get_context("spawn"), sorted(os.sched_getaffinity(0))
        queue = context.Queue()
        processes = [context.Process(target=in_process, args=(i, cores, job, queue)) for i, job in enumerate(jobs)]
        for process in processes:
            process.start()
        done = sorted((queue.get() for _ in processes), key=lambda d: d["pipeline"])
        for process in processes:
            process.join()
    print(json.dumps({"pipelines": done, "jobs": options.jobs, "seconds": time.perf_counter() - BEGIN}))


if __name__ == "__main__":
    main()
