"""The medians that criterion left of `training_step_of_16_runs`, as results/cuda/batched.md; run by scripts/batched.sh."""

import argparse
import json

from machine import describe
from report import number, table, whole

GROUP = "target/criterion/training_step_of_16_runs"
WIDTHS = ["16-32-64", "128-256-512"]
WAYS = ["fused, one by one", "fused, in step", "graph, one by one", "graph, one program"]


def milliseconds(width, way):
    # The way criterion names its folders.
    with open(f"{GROUP}/{width}_{way}/new/estimates.json", encoding="utf-8") as file:
        return json.load(file)["median"]["point_estimate"] / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True, help="the program")
    about = describe(parser.parse_args().gdiff)
    lines = []
    for way in WAYS:
        cells = []
        for width in WIDTHS:
            value, alone = milliseconds(width, way), milliseconds(width, way.split(",")[0] + ", one by one")
            cells.append(number(value) + ("" if value == alone else f" ({number(value / alone, 2)}x)"))
        lines.append([way, *cells])
    page = f"""# 16 trainings, one iteration of each, on the CPU

Made by `./scripts/batched.sh`. {" ".join(about)}
Medians by criterion, on all cores; behind them, in brackets, times the same way one by one. `fused` is the path that the CPU
takes by itself: in step, runs go to the cores one each, and each fills its own. `graph` is the candle graph, which a GPU
takes: one program for all 16 calls each operation once instead of 16 times. Batch 256, T = 100, two dimensions, isotropy
term and average on.

{table(["milliseconds", *WIDTHS], lines)}
"""
    with whole("results/cuda/batched.md") as file:
        file.write(page)
    print(page)


if __name__ == "__main__":
    main()
