"""Times gdiff and its peers in turn on this machine; run by scripts/compare.sh. Writes compare.csv, compare.md and the
table in docs/speed.md. Standard library alone: the peers live in processes of their own."""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import goals
from machine import CORES, Worker, describe, openblas_kernels, parse, run
from report import Rows, between_markers, whole

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = "scripts/compare/workload.toml"
WIDTHS = [16, 32, 64, 128]
PAPER = {
    "rotation": "ica",
    "coupling": "marginal",
    "layers": "5",
    "bandwidth": "silverman",
    "bandwidth_factor": "1.0",
    "tails": "kernel",
    "held_out": "0.0",
}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.08, help="to measure each case in each round")
    parser.add_argument("--prdc-every", type=int, default=20, help="of the plain whole job: 1 leaves nothing out")
    parser.add_argument("--quick", action="store_true", help="a smoke run: one short round, no big clouds, no plain job")
    chosen = parse(parser)
    if chosen.quick:
        chosen.rounds, chosen.seconds = 1, 0.02
    return chosen


def steps():
    """(case, implementation, worker, request, threads)"""
    for width in WIDTHS:
        case, both = f"training step, {width}-{2 * width}-{4 * width}", f"train width={width}"
        yield case, "gdiff", "gdiff", f"{both} extras=false", (1, 2)
        yield case, "gdiff, everything", "gdiff", both, (1, 2)
        yield case, "gdiff, candle graph", "gdiff", f"{both} extras=false path=graph", (1,)
        yield case, "PyTorch", "torch", both, (1, 2)
        yield case, "PyTorch, fused Adam", "torch", f"{both} fused=1", (1, 2)
        yield case, "JAX", "jax", both, (1, 2)
        yield case, "sgemm alone, gdiff's OpenBLAS", "gdiff", f"sgemm width={width}", (1,)
        yield case, "sgemm alone, numpy's OpenBLAS", "numpy", f"sgemm width={width}", (1,)
    case = "sampling step, 10,000 points"
    yield case, "gdiff", "gdiff", "sample", (1, 2)
    yield case, "PyTorch", "torch", "sample", (1, 2)
    yield case, "JAX", "jax", "sample", (1, 2)


def tools(clouds, quick):
    """The same for PRDC and the Gaussianizer, with the rounds each may take at most."""
    both = f"real={clouds}/real2.npy fake={clouds}/fake2.npy"
    wide = both.replace("2.npy", "64.npy")
    big = both.replace("2.npy", "big.npy")
    case = "PRDC, 10,000 x 10,000, 2-D"
    yield case, "gdiff", "gdiff", f"prdc {both}", (1, 2), 99
    yield case, "scipy's k-d tree", "numpy", f"prdc {both} way=tree", (1, 2), 99
    yield case, "prdc", "numpy", f"prdc {both} way=prdc", (2,), 2
    case = "PRDC, 10,000 x 10,000, 64-D"
    yield case, "gdiff", "gdiff", f"prdc {wide}", (1, 2), 99
    if not quick:
        yield case, "prdc", "numpy", f"prdc {wide} way=prdc", (2,), 2
        case = "PRDC, 100,000 x 100,000, 2-D"
        yield case, "gdiff", "gdiff", f"prdc {big}", (1, 2), 3
        yield case, "scipy's k-d tree", "numpy", f"prdc {big} way=tree", (1, 2), 2
    for what in ("fit", "inverse"):
        case = f"Gaussianizer, 5 layers of ICA, 10,000 x 2, {what}"
        yield case, "gdiff", "gdiff", f"{what} {both} map=paper", (1, 2), 99
        yield case, "numpy, tables", "numpy", f"{what} real={clouds}/real2.npy way=direct", (1,), 3
        yield case, "numpy, binned tables", "numpy", f"{what} real={clouds}/real2.npy way=binned", (1,), 99


def rounds(rows, chosen, clouds):
    """All cases in turn, again and again; what is compared with each other follows each other."""
    cases = [(*step, 99) for step in steps()] + list(tools(clouds, chosen.quick))
    peer = [chosen.python, os.path.join(HERE, "worker.py")]
    gdiff = {"OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": openblas_kernels()}
    workers = {}
    for threads in (1, 2)[: len(CORES)]:
        for name in ("torch", "jax", "numpy"):
            workers[name, threads] = Worker([*peer, name], threads)
        workers["gdiff", threads] = Worker([chosen.bench, "-"], threads, **gdiff)
    for turn in range(1, chosen.rounds + 1):
        say(f"round {turn} of {chosen.rounds}")
        for case, implementation, name, request, on, most in cases:
            for threads in on:
                worker = workers.get((name, threads))
                if worker is None or turn > most:
                    continue
                answer = worker.ask(f"{request} seconds={chosen.seconds}")
                # Memory is measured apart: these processes keep what they once had.
                answer = {k: v for k, v in answer.items() if not k.startswith("peak")}
                rows.add(case, implementation, threads, turn, answer)
    for worker in workers.values():
        worker.close()


def memory(rows, chosen, clouds):
    """Peak memory of PRDC beyond what there was before it, each in a fresh process."""
    peer = [chosen.python, os.path.join(HERE, "worker.py"), "numpy"]
    for case, cloud in [("PRDC, 10,000 x 10,000, 2-D", "2"), ("PRDC, 10,000 x 10,000, 64-D", "64")]:
        both = f"prdc real={clouds}/real{cloud}.npy fake={clouds}/fake{cloud}.npy seconds=0"
        ways = [("gdiff", [chosen.bench, "-"], both), ("prdc", peer, f"{both} way=prdc")]
        if cloud == "2":
            ways.append(("scipy's k-d tree", peer, f"{both} way=tree"))
        for implementation, command, request in ways:
            if chosen.quick and implementation == "prdc":
                continue
            say(f"memory: {case}, {implementation}")
            worker = Worker(command, min(2, len(CORES)))
            answer = worker.ask(request)
            worker.close()
            rows.add(case, implementation, 2, 0, {"peak_rise_mib": answer["peak_rise_mib"]})


def whole_jobs(rows, chosen, folder):
    """The main experiment from start to end, as processes of their own, on two cores."""
    job = [chosen.python, os.path.join(HERE, "whole_job.py")]
    paper = [word for key, value in PAPER.items() for word in ("--set", f"gaussianize.{key}={value}")]
    for turn in range(1, min(3, chosen.rounds) + 1):
        for name, flags in [("gdiff", []), ("gdiff, the paper's map", paper)]:
            say(f"round {turn}: whole job, {name}")
            out = os.path.join(folder, "run")
            command = [chosen.gdiff, "run", SPEC, "--out", out, "--quiet", "--force", *flags]
            _, seconds, peak = run(command, 2)
            rows.add("whole job", name, 2, turn, {"microseconds": seconds * 1e6, "peak_mib": peak} | ours(out))
        for jobs in (1, 2):
            name = f"Python, fast, {jobs} process{'es' if jobs > 1 else ''}"
            say(f"round {turn}: whole job, {name}")
            output, seconds, peak = run([*job, "fast", SPEC, "--jobs", str(jobs)], 2)
            rows.add("whole job", name, 2, turn, theirs(json.loads(output), seconds, peak))
    if not chosen.quick:
        say("whole job, Python, plain")
        output, seconds, peak = run([*job, "plain", SPEC, "--prdc-every", str(chosen.prdc_every)], 2)
        rows.add("whole job", "Python, plain", 2, 1, theirs(json.loads(output), seconds, peak))


def ours(out):
    """Stages and last metrics of a run of gdiff."""
    answer = {}
    with open(os.path.join(out, "provenance.json"), encoding="utf-8") as file:
        for name, stages in json.load(file)["stages"].items():
            pipeline = name.split("-")[0]
            answer |= {f"{pipeline}, {stage} seconds": value for stage, value in stages.items()}
    with open(os.path.join(out, "metrics.csv"), encoding="utf-8") as file:
        header, *lines = [line.strip().split(",") for line in file]
    for row in (dict(zip(header, line)) for line in lines):
        # Later steps replace earlier ones.
        for metric in goals.METRICS:
            answer[f"{row['pipeline']}, {metric}"] = float(row[metric])
    return answer


def theirs(job, seconds, peak):
    """The same of a peer. PRDC at some of the steps only is stretched to all of them; imports and compilation, which
    an interpreter that is up already would not need, can be left out."""
    answer = {"peak_mib": peak, "wall seconds": seconds}
    stretch, without = 0.0, []
    for one in job["pipelines"]:
        name, stages = one["pipeline"], one["seconds"]
        stretch += stages["prdc"] * (one["steps"] / one["prdc_steps"] - 1.0)
        without.append(stages.get("import", 0.0) + stages.get("compile", 0.0))
        answer |= {f"{name}, {stage} seconds": value for stage, value in stages.items()}
        answer |= {f"{name}, {metric}": one["last"][metric] for metric in goals.METRICS}
        answer[f"{name}, peak_mib"] = one["peak_mib"]
    together = len(job["pipelines"]) if job["jobs"] == 1 else 1
    idle = sum(without) if together > 1 else min(without)
    answer["microseconds"] = (seconds + stretch) * 1e6
    answer["without imports and compilation"] = (seconds + stretch - idle) * 1e6
    if job["jobs"] > 1:
        answer["peak_mib"] = sum(one["peak_mib"] for one in job["pipelines"])
    return answer


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    chosen = options()
    about = describe(chosen.gdiff)
    os.makedirs(chosen.out, exist_ok=True)
    rows = Rows()
    with tempfile.TemporaryDirectory() as folder:
        clouds = os.path.join(folder, "clouds")
        subprocess.run([chosen.python, os.path.join(HERE, "clouds.py"), SPEC, clouds], check=True)
        memory(rows, chosen, clouds)
        rounds(rows, chosen, clouds)
        whole_jobs(rows, chosen, folder)
    versions = subprocess.run(
        [chosen.python, os.path.join(HERE, "versions.py")], check=True, capture_output=True, text=True
    ).stdout.strip()
    goals.check(rows)
    rows.write(os.path.join(chosen.out, "compare.csv"))
    with whole(os.path.join(chosen.out, "compare.md")) as file:
        file.write(goals.page(rows, about, versions, chosen))
    if not chosen.quick:
        between_markers("docs/speed.md", "speed", goals.readme(rows, about))


if __name__ == "__main__":
    main()
