"""Instructions of the hot paths by callgrind, compared with the committed counts (scripts/bench_check.sh)."""

import argparse
import csv
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TABLE = Path("results/speed/instructions.csv")

# A request of benches/compare, and how often it is called: what is counted is the difference between so many calls and twice
# as many, so that start and preparation do not count.
PATHS = {
    "training step, width 16": ("train width=16", 40),
    "training step, width 128": ("train width=128", 4),
    "sampling step, width 16": ("sample width=16 n=2000 steps=10", 1),
    "PRDC, 2-D, 2,000 points": ("prdc n=2000 d=2", 2),
    "inverse of the map, 500 points": ("inverse n=500 d=2", 2),
}


ALONE = {**os.environ, "RAYON_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def callgrind(bench, request, calls):
    """What callgrind says, and what it writes, of the whole process with so many calls on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        ran = subprocess.run([*tool, bench, f"{request} calls={calls}"], capture_output=True, text=True, env=ALONE)
        if ran.returncode:
            sys.exit(f"`{request} calls={calls}` could not be counted:\n{ran.stdout}{ran.stderr}")
        return ran.stderr, out.read_text()


def count(bench, request, calls):
    """Instructions of the whole process with so many calls."""
    said, _ = callgrind(bench, request, calls)
    return int(re.search(r"Collected : (\d+)", said)[1])


def counts(bench):
    for name, (request, calls) in PATHS.items():
        each = (count(bench, request, 2 * calls) - count(bench, request, calls)) / calls
        yield name, request, round(each)


def compiler():
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bench", required=True, help="the built benchmark `compare`")
    parser.add_argument("--write", action="store_true", help="write the counts in place of comparing them")
    parser.add_argument("--tolerance", type=float, default=0.03, help="share by which a count may be larger")
    args = parser.parse_args()
    committed = {}
    if TABLE.is_file():
        with TABLE.open() as rows:
            committed = {row["path"]: row for row in csv.DictReader(rows)}
    rows, worse = [], []
    print(f"{'path':32} {'instructions':>14} {'committed':>14} {'change':>8}")
    for name, request, instructions in counts(args.bench):
        rows.append({"path": name, "request": request, "instructions": instructions, "compiler": compiler()})
        before = committed.get(name)
        change = instructions / int(before["instructions"]) - 1 if before else None
        shown = (f"{int(before['instructions']):14,}", f"{change:+8.1%}") if before else ("", "")
        print(f"{name:32} {instructions:14,} {shown[0]:>14} {shown[1]:>8}", flush=True)
        if change is not None and change > args.tolerance:
            worse.append(name)
    if args.write:
        with TABLE.open("w", newline="") as out:
            writer = csv.DictWriter(out, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        print(f"written to {TABLE}")
        return
    if missing := [name for name in PATHS if name not in committed]:
        sys.exit(f"{TABLE} has no count of {', '.join(missing)}: scripts/bench_check.sh --write makes it")
    others = {row["compiler"] for row in committed.values()} - {compiler()}
    if others:
        print(f"The committed counts are of {', '.join(sorted(others))}, and this is {compiler()}.")
    if worse:
        sys.exit(f"more than {args.tolerance:.0%} more instructions: {', '.join(worse)}; if that is wanted, --write")
    print(f"no path has more than {args.tolerance:.0%} more instructions")


if __name__ == "__main__":
    main()
