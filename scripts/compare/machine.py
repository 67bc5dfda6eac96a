"""Processes that answer requests, and what the machine is. Standard library alone."""

import json
import os
import subprocess
import time

CORES = sorted(os.sched_getaffinity(0))


def environment(threads):
    """So many threads for every library that might want some."""
    names = ["OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON"]
    return os.environ | {f"{name}_NUM_THREADS": str(threads) for name in names}


def openblas_kernels():
    """The right kernels: the system's OpenBLAS falls back to slow ones for a processor whose name it does not know."""
    flags = next((line.split() for line in open("/proc/cpuinfo") if line.startswith("flags")), [])
    return "SKYLAKEX" if "avx512vl" in flags else "HASWELL" if "avx2" in flags else ""


def pinned(threads):
    """The last cores: the first one serves most interrupts."""
    cores = CORES[-threads:]
    return lambda: os.sched_setaffinity(0, cores)


def parse(parser):
    """Of every script that measures."""
    parser.add_argument("--gdiff", required=True, help="the program")
    parser.add_argument("--bench", required=True, help="the benchmark `compare`")
    parser.add_argument("--python", required=True, help="Python with the peers")
    parser.add_argument("--out", help="default results/speed, of a smoke run target/compare/quick")
    chosen = parser.parse_args()
    chosen.out = chosen.out or ("target/compare/quick" if chosen.quick else "results/speed")
    return chosen


class Worker:
    """A process that answers each line of its input with a line of JSON, on so many cores."""

    def __init__(self, command, threads, **variables):
        self.command = command
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads) | variables,
            preexec_fn=pinned(threads),
        )

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self.command)} broke off at: {request}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def run(command, threads):
    """Runs a command to its end: its output, wall-clock seconds, and the largest memory of one of its processes as
    the system counts it (what /usr/bin/time -v prints), MiB."""
    clock = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment(threads), preexec_fn=pinned(threads)
    )
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - clock
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return output, seconds, usage.ru_maxrss / 1024.0


def describe(gdiff):
    """Lines about processor, memory, load and program."""
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changes = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True).stdout.strip()
    version = subprocess.run([gdiff, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    load = " ".join(f"{value:.2f}" for value in os.getloadavg())
    return [
        f"{time.strftime('%F', time.gmtime())}, {version}, commit {commit}{' with changes' if changes else ''}.",
        f"{cpu}, {len(CORES)} cores, {memory:.0f} GiB; load average at the start {load}.",
    ]
