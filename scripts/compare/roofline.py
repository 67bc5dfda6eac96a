"""The roofline of training and sampling steps on one thread (scripts/roofline.sh). Writes results/speed/roofline.md."""

import argparse
import collections
import json
import re
import statistics
import subprocess
from pathlib import Path

from instructions import ALONE, callgrind
from machine import describe

REPORT = Path("results/speed/roofline.md")

# What is timed: a name, its request, and the request for the same products by the linked BLAS where there is one.
STEPS = [
    ("training, width 16, batch 256", "train width=16", "sgemm width=16"),
    ("training, width 16, batch 64", "train width=16 batch=64", None),
    ("training, width 32, batch 256", "train width=32", "sgemm width=32"),
    ("training, width 64, batch 256", "train width=64", "sgemm width=64"),
    ("training, width 128, batch 256", "train width=128", "sgemm width=128"),
    ("sampling, width 16, 10,000 points", "sample width=16", None),
    ("sampling, width 128, 10,000 points", "sample width=128 steps=20", None),
]

# Where instructions are counted: a name, a request, and how many calls.
COUNTED = [
    ("training, width 16, batch 256", "train width=16", 20),
    ("training, width 16, batch 64", "train width=16 batch=64", 40),
    ("sampling, width 16, 2,000 points", "sample width=16 n=2000 steps=10", 1),
]

# What the functions do; the first that fits counts. The vector kernels are instances of one function of `pulp`.
PARTS = [
    ("vector kernels: products, activations, optimizer", r"pulp::"),
    ("noise, shuffling, batches", r"rand|chacha|shuffle|ziggurat|Batches|numeric::random"),
    ("loss, bias gradients, turning of matrices", r"gdiff::diffusion|ndarray::"),
    ("memory", r"mem(set|cpy|move)|malloc|calloc|_int_|cfree|alloc::"),
]


def ask(bench, request):
    ran = subprocess.run([bench, request], capture_output=True, text=True, check=True, env=ALONE)
    return json.loads(ran.stdout)


def by_function(bench, request, calls):
    """Instructions of each function in so many calls, without those of the functions that it calls."""
    _, written = callgrind(bench, request, calls)
    names, found, function, is_call = {}, collections.Counter(), "", False
    for line in written.splitlines():
        if match := re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line):
            if match[2]:
                names[match[1]] = match[2]
            if line.startswith("fn"):
                function = names[match[1]]
        elif line.startswith("calls="):
            # The next line has the cost of the callee, which is counted where it stands.
            is_call = True
        elif cost := re.match(r"(?:[+-]?\d+|\*) (\d+)$", line):
            if not is_call:
                found[function] += int(cost[1])
            is_call = False
    return found


def part(function):
    return next((name for name, pattern in PARTS if re.search(pattern, function)), "everything else")


def shares(bench, request, calls):
    twice, once = by_function(bench, request, 2 * calls), by_function(bench, request, calls)
    parts = collections.Counter()
    for function in twice:
        parts[part(function)] += (twice[function] - once[function]) / calls
    return parts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="the built benchmark `compare`")
    parser.add_argument("--gdiff", required=True, help="the built program, for its version")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    args = parser.parse_args()
    machine = " ".join(describe(args.gdiff))
    # In turn, so that the machine's other guests slow all of them alike.
    times = collections.defaultdict(list)
    requests = ["peak"] + [request for _, *both in STEPS for request in both if request]
    operations = {}
    for _ in range(args.rounds):
        for request in requests:
            answer = ask(args.bench, f"{request} seconds={args.seconds}")
            times[request].append(answer["microseconds"])
            operations[request] = answer["operations"]
    median = {request: statistics.median(values) for request, values in times.items()}

    def rate(request):
        return operations[request] / median[request] / 1e3

    def ratio(request, other):
        """Of the rates, round by round: the median."""
        pairs = zip(times[request], times[other])
        scale = operations[request] / operations[other]
        return statistics.median(scale * b / a for a, b in pairs)

    lines = [
        "# How far the steps are from what a core can do",
        "",
        f"Made by `./scripts/roofline.sh`. {machine}",
        "One thread; medians over " + f"{args.rounds} rounds in turn. The roof is the rate of multiply-adds in registers: "
        f"{rate('peak'):.1f} GFLOP/s in `f32`. Operations are those of the matrix products alone.",
        "",
        "| step | operations, MFLOP | microseconds | GFLOP/s | of the roof | the linked BLAS on the products alone, of the roof |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, request, blas in STEPS:
        beside = f"{ratio(blas, 'peak'):.0%}" if blas else ""
        lines.append(
            f"| {name} | {operations[request] / 1e6:.2f} | {median[request]:,.1f} | {rate(request):.1f} "
            f"| {ratio(request, 'peak'):.0%} | {beside} |"
        )
    lines += [
        "",
        "## What the instructions do",
        "",
        "By callgrind, in one step, by function; valgrind shows programs a processor "
        "without AVX-512, so vectors have half of the length that they may have elsewhere.",
        "",
    ]
    counted = [(name, shares(args.bench, request, calls)) for name, request, calls in COUNTED]
    lines += [
        "| instructions | " + " | ".join(name for name, _ in counted) + " |",
        "| --- |" + " ---: |" * len(counted),
    ]
    for name in [name for name, _ in PARTS] + ["everything else"]:
        cells = [f"{parts[name]:,.0f} ({parts[name] / parts.total():.0%})" for _, parts in counted]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("| together | " + " | ".join(f"{parts.total():,.0f}" for _, parts in counted) + " |")
    REPORT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
