"""What each thread does while a study runs, from `gdiff run --trace`; run by scripts/timeline.sh. Writes timeline.md.

A thread works where a processor works for it (`tdur`) and is idle in the rest of the time. What it works within a stage
counts for the stage, parts of other runs that it takes over while it waits for its own included."""

import argparse
import collections
import json
import os
import subprocess
import tempfile
import time

from machine import CORES, describe
from report import table, whole

SPEC = "configs/gmm_width16.toml"
HELP = "help for other runs, after its last one"
BETWEEN = "within runs, between stages"
# What stages and parts are for the reader; others are named as they are.
NAMES = {
    "data": "data and their metrics",
    "gaussianize": "fit of the space",
    "train": "training",
    "sample": "sampling: prediction, noise, reverse step",
    "to data space": "sampling: inverse of the space",
    "log_likelihood": "sampling: log-likelihood",
    "precision": "sampling: precision, recall, density, coverage",
    "sliced_w2": "sampling: sliced distance",
    "energy_distance": "sampling: energy distance",
    "mode_error": "sampling: errors of the modes",
    "diagnose": "diagnostics",
    "finish": "writing",
    "thread": HELP,
}


def run(gdiff, folder):
    """The spans of a run, its seconds on the clock and of the processors."""
    trace = os.path.join(folder, "trace.json")
    command = [gdiff, "run", SPEC, "--quiet", "--out", os.path.join(folder, "run"), "--trace", trace]
    clock = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - clock
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    with open(trace) as file:
        return json.load(file), seconds, usage.ru_utime + usage.ru_stime


def own_work(events):
    """Processor seconds by thread and name, without those of the spans within; and the seconds of each thread."""
    work, alive = collections.defaultdict(collections.Counter), {}
    outer = collections.defaultdict(list)
    for event in events:
        thread = event["tid"]
        name = "between" if event["cat"] == "run" else event["name"]
        stack = outer[thread]
        while stack and stack[-1][0] <= event["ts"] + 1e-3:
            stack.pop()
        if stack:
            work[thread][stack[-1][1]] -= event["tdur"] / 1e6
        work[thread][name] += event["tdur"] / 1e6
        stack.append((event["ts"] + event["dur"], name))
        if event["name"] == "thread":
            alive[thread] = event["dur"] / 1e6
    return work, alive


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--out", default="results/speed")
    chosen = parser.parse_args()
    machine = " ".join(describe(chosen.gdiff))
    with tempfile.TemporaryDirectory() as folder:
        events, seconds, processor = run(chosen.gdiff, folder)
    work, alive = own_work(events)
    threads = sorted(alive)
    total = sum(work.values(), collections.Counter())
    rows = []
    order = sorted((name for name in total if name not in ("thread", "between")), key=lambda name: -total[name])
    share = lambda part, thread: f"{100.0 * part / alive[thread]:.1f}"
    for name in order + ["between", "thread"]:
        label = BETWEEN if name == "between" else NAMES.get(name, name)
        rows.append([label, *(share(work[t][name], t) for t in threads), f"{total[name]:.2f}"])
    busy = {t: sum(work[t].values()) for t in threads}
    idle = sum(alive[t] - busy[t] for t in threads)
    rows.append(["idle", *(share(alive[t] - busy[t], t) for t in threads), f"{idle:.2f}"])
    cores = min(len(CORES), len(threads))
    study = max(alive.values())
    with whole(os.path.join(chosen.out, "timeline.md")) as file:
        file.write(f"""# What each thread does

Made by `./scripts/timeline.sh`. {machine}
`gdiff run {SPEC} --trace FILE` on {cores} cores: {seconds:.2f} s on the clock, of which the threads of the study are there
for {study:.2f} s. In % of the time of each thread; the last column in seconds of both.

{table(["what", *(f"thread {t}, %" for t in threads), "s"], rows)}

A core was idle for **{100.0 * (1.0 - processor / (cores * seconds)):.1f} %** of the time on the clock, the beginning and the end
of the program included ({processor:.2f} s of processor time of {cores} x {seconds:.2f} s), and for {100.0 * idle / sum(alive.values()):.1f} % while the study's threads were there.
A thread that has to wait for a core which other programs use counts as idle here.
""")


if __name__ == "__main__":
    main()
