"""What each thread does while a study runs, from `gdiff run --trace`; run by scripts/timeline.sh. Writes timeline.md.

A thread works where a processor works for it (`tdur`). In the rest of the time it has nothing to do, or is ready and waits
for a core that another program uses; Linux counts the latter (`schedstat`). What a thread works within a stage counts for
the stage, parts of other runs that it takes over while it waits for its own included."""

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


def queued(process, seen):
    """Notes for each thread of a process the seconds so far in which it was ready and had no core."""
    folder = f"/proc/{process}/task"
    try:
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/schedstat") as file:
                seen[thread] = int(file.read().split()[1]) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        pass  # It has just ended.


def run(gdiff, folder, spec=SPEC):
    """The spans of a run of a spec, its seconds on the clock, of the processors, and of threads that waited for a core."""
    trace = os.path.join(folder, "trace.json")
    command = [gdiff, "run", spec, "--quiet", "--out", os.path.join(folder, "run"), "--trace", trace]
    clock = time.perf_counter()
    process = subprocess.Popen(command)
    waited, ended = {}, 0
    while not ended:
        queued(process.pid, waited)
        time.sleep(0.1)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    seconds = time.perf_counter() - clock
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    with open(trace) as file:
        return json.load(file), seconds, usage.ru_utime + usage.ru_stime, sum(waited.values())


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
        events, seconds, processor, waited = run(chosen.gdiff, folder)
    work, alive = own_work(events)
    threads = sorted(alive)
    total = sum(work.values(), collections.Counter())
    busy = {t: sum(work[t].values()) for t in threads}
    busy_in_all = sum(busy.values())
    rows = []
    order = sorted((name for name in total if name not in ("thread", "between")), key=lambda name: -total[name])
    share = lambda part, thread: f"{100.0 * part / alive[thread]:.1f}"
    for name in order + ["between", "thread"]:
        label = BETWEEN if name == "between" else NAMES.get(name, name)
        rows.append([label, *(share(work[t][name], t) for t in threads), f"{total[name]:.2f}", f"{100.0 * total[name] / busy_in_all:.1f}"])
    rest = sum(alive[t] - busy[t] for t in threads)
    rows.append(["not at work", *(share(alive[t] - busy[t], t) for t in threads), f"{rest:.2f}", ""])
    cores = min(len(CORES), len(threads))
    study = max(alive.values())
    with whole(os.path.join(chosen.out, "timeline.md")) as file:
        file.write(f"""# What each thread does

Made by `./scripts/timeline.sh`. {machine}
`gdiff run {SPEC} --trace FILE` on {cores} cores: {seconds:.2f} s on the clock, of which the threads of the study are there
for {study:.2f} s. In % of the time on the clock of each thread; then
seconds of all, and these in % of the work of all.

{table(["what", *(f"thread {t}, %" for t in threads), "s", "of the work, %"], rows)}

Of the {rest:.2f} s in which a thread was not at work, {min(waited, rest):.2f} s were spent ready, without a core, because other programs used
the cores; in the others it had nothing to do. So of the time that the machine gave to it, a core was idle for
**{100.0 * max(rest - waited, 0.0) / (busy_in_all + max(rest - waited, 0.0)):.1f} %** while the study's threads were there. All of the program, its beginning and its end included, took {processor:.2f} s of
processor time in {cores} x {seconds:.2f} s.
""")


if __name__ == "__main__":
    main()
