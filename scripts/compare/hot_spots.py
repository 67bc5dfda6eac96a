"""Where the processor's time goes in the whole job, by source file; run by scripts/profile.sh. Writes profile.md.

Samples of `perf`; an address belongs to the innermost of its inlined functions that lies in this project's src/, else
to the crate or library that it is in."""

import argparse
import collections
import os
import re
import subprocess
import tempfile

from machine import CORES, describe
from report import table, whole

SPEC = "scripts/compare/workload.toml"
# What a file does, for the reader; the longest name that fits counts.
PARTS = {
    "diffusion/fused": "network: forward, backward, Adam, prediction",
    "diffusion/batch.rs": "training batches",
    "diffusion/exact.rs": "optimal loss, for the column `optimal` of loss.csv",
    "diffusion": "the rest of training and sampling",
    "metrics": "precision, recall, density, coverage",
    "data": "log-likelihood under the mixture, data",
    "gaussianize": "Gaussianizer: fit, inverse",
    "numeric/random.rs": "normal numbers",
    "crate rand": "normal numbers",
    "crate ppv-lite86": "normal numbers",
    "libm": "exponentials and logarithms of the log-likelihood and the Gaussianizer",
    "libc": "memory: copies, allocation",
}


def part(place):
    fits = [name for name in PARTS if place.startswith(name)]
    return PARTS[max(fits, key=len)] if fits else "everything else"


def samples(gdiff, folder):
    """Number of samples per (library, address within its file)."""
    data = os.path.join(folder, "perf.data")
    command = ["perf", "record", "--quiet", "--freq", "1999", "--output", data, "--"]
    command += [gdiff, "run", SPEC, "--quiet", "--out", os.path.join(folder, "run")]
    subprocess.run(command, check=True)
    script = ["perf", "script", "--input", data, "--fields", "comm,ip,dso", "--show-mmap-events"]
    lines = subprocess.run(script, check=True, capture_output=True, text=True).stdout.splitlines()
    mapped, found = [], collections.Counter()
    for line in lines:
        if "PERF_RECORD_MMAP" in line:
            place = re.search(r"\[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (\S+) .*\]: r-xp (\S+)", line)
            if place and os.path.realpath(place[4]) == os.path.realpath(gdiff):
                mapped.append((int(place[1], 16), int(place[2], 16), int(place[3], 0)))
        elif hit := re.search(r"([0-9a-f]+) \((.*)\)$", line):
            address, library = int(hit[1], 16), hit[2]
            own = os.path.realpath(library) == os.path.realpath(gdiff)
            offset = next((address - b + o for b, n, o in mapped if own and b <= address < b + n), address)
            found[(library, offset if own else 0)] += 1
    return found


def virtual(gdiff, offset, segments=[]):
    """The linker's address of an offset in the program's file."""
    if not segments:
        headers = subprocess.run(["readelf", "-lW", gdiff], check=True, capture_output=True, text=True).stdout
        for line in headers.splitlines():
            if line.split()[:1] == ["LOAD"]:
                segments.append([int(word, 16) for word in line.split()[1:5]])
    return next((offset - start + at for start, at, _, size in segments if start <= offset < start + size), offset)


def places(gdiff, offsets):
    """Source file of each offset, within src/; or the crate."""
    addresses = [f"{virtual(gdiff, offset):#x}" for offset in offsets]
    command = ["addr2line", "--addresses", "--inlines", "--exe", gdiff]
    output = subprocess.run(command, input="\n".join(addresses), check=True, capture_output=True, text=True).stdout
    own = os.path.join(os.getcwd(), "src") + os.sep
    for offset, block in zip(offsets, re.split(r"^0x[0-9a-f]+\n", output, flags=re.MULTILINE)[1:]):
        files = [line.rsplit(":", 1)[0] for line in block.splitlines()]
        inside = next((os.path.normpath(f) for f in files if os.path.normpath(f).startswith(own)), None)
        if inside:
            yield offset, inside[len(own) :]
        else:
            crate = re.search(r"/registry/src/[^/]+/(.+?)-\d", block)
            yield offset, f"crate {crate[1]}" if crate else "Rust's own library"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--out", default="results/speed")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = samples(chosen.gdiff, folder)
    offsets = sorted({offset for _, offset in found if offset})
    place = dict(places(chosen.gdiff, offsets))
    by_place = collections.Counter()
    for (library, offset), count in found.items():
        other = "the kernel" if "kernel" in library else os.path.basename(library)
        by_place[place[offset] if offset else other] += count
    by_part = collections.Counter()
    for name, count in by_place.items():
        by_part[part(name)] += count
    all_samples = sum(by_place.values())
    share = lambda count: f"{100.0 * count / all_samples:.1f}"
    with whole(os.path.join(chosen.out, "profile.md")) as file:
        file.write(f"""# Where the whole job's time goes

Made by `./scripts/profile.sh`. {" ".join(describe(chosen.gdiff))}
`gdiff run {SPEC}` on {len(CORES)} cores, {all_samples} samples of `perf`, of processor time, not of time on the clock.

{table(["what", "%"], [[name, share(count)] for name, count in by_part.most_common()])}

The files of `src/`, crates and libraries behind more than 1 % each:

{table(["where", "%"], [[name, share(n)] for name, n in by_place.most_common() if 100 * n > all_samples])}
""")


if __name__ == "__main__":
    main()
