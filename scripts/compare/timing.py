"""Medians of repeated calls, as benches/compare/timing.rs takes them, and peak memory."""

import math
import statistics
import time

GROUP = 200e-6


def memory(key):
    """A size from Linux's account of this process, MiB."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024.0
    return math.nan


def measure(seconds, units, work):
    """Calls `work`, which does `units` units of work, for some seconds; the first call warms up (and compiles)."""
    before = memory("VmRSS")

    def call(calls):
        clock = time.perf_counter()
        for _ in range(calls):
            work()
        return time.perf_counter() - clock

    first = call(1)
    rise = memory("VmHWM") - before
    groups = []
    second = call(1) if first < seconds else None
    if second is None:
        groups.append(first)
    else:
        calls = max(1, math.ceil(GROUP / second))
        end = time.perf_counter() + seconds
        while not groups or time.perf_counter() < end:
            groups.append(call(calls) / calls)
    return {
        "microseconds": statistics.median(groups) * 1e6 / units,
        "repeats": len(groups),
        "first_seconds": first,
        "peak_rise_mib": rise,
        "peak_mib": memory("VmHWM"),
    }
