"""The programs of docs/map.md against `gdiff gaussianize apply`: called by scripts/map_test.sh."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

gdiff, work = sys.argv[1], Path(sys.argv[2])


def program(name):
    spec = importlib.util.spec_from_file_location(name, work / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page, mixture = program("map"), program("mixture")
WITHIN = 1e-6


def ring(r, n):
    angle = np.arange(8)[r.integers(8, size=n)] * np.pi / 4
    return 2 * np.stack([np.cos(angle), np.sin(angle)], 1) + 0.1 * r.standard_normal((n, 2))


def shell(r, n):
    u = r.standard_normal((n, 3))
    return u / np.linalg.norm(u, axis=1, keepdims=True) * (2 + 0.1 * r.standard_normal((n, 1)))


def groups(r, n):
    """Thirteen columns of three groups, in units that differ, as of a table of measurements."""
    centres = 3 * np.random.default_rng(5).standard_normal((3, 13))
    return (centres[r.integers(3, size=n)] + r.standard_normal((n, 13))) * np.geomspace(0.01, 1000, 13)


def with_constant(r, n):
    x = groups(r, n)
    return np.column_stack([x[:, :3], np.full(n, 7.0), x[:, 3:], x[:, 0] - 2 * x[:, 1]])


def skewed(r, n):
    return np.exp(r.standard_normal((n, 6)) @ np.random.default_rng(3).standard_normal((6, 6)) * 0.5)


def rounded(r, n):
    return np.round(r.standard_normal((n, 2)), 1)


PAPER = "--coupling marginal --rotation ica --layers 5 --bandwidth silverman --bandwidth-factor 1 --tails kernel --held-out 0"
# Name: data, points, flags, what the file must hold or the chain must name.
CASES = {
    "one column": (lambda r, n: r.gamma(2.0, size=(n, 1)), 500, "", ".0.pieces"),
    "the paper's recipe": (ring, 500, PAPER, ".1.lower"),
    "a kernel density in two dimensions": (ring, 500, "--coupling joint", ".pair.0.density"),
    "pairs and one axis": (groups, 300, "--coupling pairs --layers 2", ".pair.0.density"),
    "heavy tails": (lambda r, n: r.standard_cauchy((n, 2)), 300, "", ".0.pieces"),
    "a shell": (shell, 250, "", ".radial.pieces"),
    "a mixture": (groups, 300, "--coupling joint", ".joint.means"),
    "a mixture, chosen": (ring, 150, "", ".joint.factor_of"),
    "columns set aside": (with_constant, 300, "--coupling joint", "set_aside"),
    "leading components": (groups, 300, "--reduce 3 --coupling joint", "gaussianize_leading"),
    "components dropped": (groups, 300, "--reduce 3 --rest drop --coupling joint", "principal"),
    "rotated back": (skewed, 300, "--rotate-back true --coupling marginal", "rotate_back"),
}
REFUSED = {
    "ties": (rounded, 400, "--coupling marginal", "dequantize"),
    "a flow": (ring, 40, "--coupling flow --layers 1", "a flow"),
}


def run(*words):
    done = subprocess.run([gdiff, "gaussianize", *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"FAILED: gdiff gaussianize {' '.join(map(str, words))}: {done.stderr}")


def fitted(law, n, flags):
    np.save(work / "x.npy", law(np.random.default_rng(1), n))
    run("fit", work / "x.npy", "--out", work / "map", *flags.split())
    return page.load((work / "map").read_bytes())


failed = False
for name, (law, n, flags, holds) in CASES.items():
    m = fitted(law, n, flags)
    transforms = [t["transform"] for t in json.loads(m["space"])]
    pareto = any(key.endswith((".lower", ".upper")) and len(values) == 2 for key, values in m.items())
    if not any(key.endswith(holds) for key in [*m, *transforms]) or (name == "heavy tails" and not pareto):
        sys.exit(f"FAILED: {name}: the file has no {holds}, only {sorted(m)} and {transforms}")
    x = law(np.random.default_rng(2), 200)
    # And points beyond the tables.
    x = np.vstack([x, x[:20] + 0.5 * x.std(0) * np.arange(1, 21)[:, None], x[:5] * 30 + 1])
    np.save(work / "new.npy", x)
    run("apply", work / "map", work / "new.npy", "--out", work / "z.npy")
    z, own = np.load(work / "z.npy"), page.apply(m, x)
    off = (np.abs(own - z) / np.maximum(1, np.abs(z))).max()
    bad = not (own.shape == z.shape and off < WITHIN)
    failed |= bad
    print(f"{'FAILED' if bad else 'ok'}: {name}: {off:.1e}, |z| up to {np.abs(z).max():.3g}, {', '.join(transforms)}")
for name, (law, n, flags, said) in REFUSED.items():
    try:
        page.apply(fitted(law, n, flags), law(np.random.default_rng(2), 5))
        print(f"FAILED: {name}: not refused")
        failed = True
    except NotImplementedError as e:
        failed |= str(e) != said
        print(f"{'ok' if str(e) == said else 'FAILED'}: {name}: refused, {e}")
# The thirty lines, with the density.
m, x = fitted(groups, 300, "--coupling joint"), groups(np.random.default_rng(2), 200)
np.save(work / "new.npy", x)
run("apply", work / "map", work / "new.npy", "--out", work / "z.npy")
run("score", work / "map", work / "new.npy", "--out", work / "score.npy")
z, log_density = mixture.apply(m, x)
off = max(np.abs(z - np.load(work / "z.npy")).max(), np.abs(log_density - np.load(work / "score.npy")[:, 0]).max())
lines = [line for line in (work / "mixture.py").read_text().splitlines() if line]
bad = not (len(lines) <= 30 and off < WITHIN)
failed |= bad
print(f"{'FAILED' if bad else 'ok'}: the thirty lines: {off:.1e}")
sys.exit(1 if failed else 0)
