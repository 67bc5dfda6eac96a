"""The map's density against others', on fresh points: called by scripts/gaussianize_tables.sh.

Rivals get their own best chance: columns are standardized for them (with the Jacobian counted), the mixture's size and
kind are chosen by BIC, the kernel width by cross-validation. The first paper's recipe is run by the same program.
"""

import argparse
import csv
import hashlib
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import special, stats
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import KernelDensity

warnings.simplefilter("ignore", ConvergenceWarning)
POINTS, FRESH = 10_000, 10_000
PAPER = "--coupling marginal --rotation ica --layers 5 --bandwidth silverman --bandwidth-factor 1 --tails kernel --held-out 0"


# Generators: a draw of points, and their true log-density.


def cauchy(d):
    return (lambda r, n: r.standard_cauchy((n, d))), (lambda x: stats.cauchy.logpdf(x).sum(1))


def lognormal(d):
    return (lambda r, n: np.exp(r.standard_normal((n, d)))), (lambda x: stats.lognorm.logpdf(x, 1).sum(1))


def shell(d, radius=2.0, width=0.1):
    def draw(r, n):
        u = r.standard_normal((n, d))
        return u / np.linalg.norm(u, axis=1, keepdims=True) * (radius + width * r.standard_normal((n, 1)))

    def density(x):
        r = np.linalg.norm(x, axis=1)
        area = np.log(2) + d / 2 * np.log(np.pi) - special.gammaln(d / 2)
        return stats.norm.logpdf(r, radius, width) - area - (d - 1) * np.log(r)

    return draw, density


def skewed(d):
    laws = [stats.expon(), stats.lognorm(0.7), stats.gamma(2.0), stats.gumbel_r()]
    of = [laws[j % len(laws)] for j in range(d)]

    def draw(r, n):
        return np.stack([law.rvs(n, random_state=r) for law in of], 1)

    return draw, lambda x: sum(law.logpdf(x[:, j]) for j, law in enumerate(of))


def student(d, freedom=3.0):
    law = stats.multivariate_t(np.zeros(d), np.eye(d), df=freedom)
    return (lambda r, n: law.rvs(n, random_state=r)), law.logpdf


def moon_density(x, noise=0.1, nodes=2000):
    angle = (np.arange(nodes) + 0.5) / nodes * np.pi
    logs = []
    for centre in (
        np.stack([np.cos(angle), np.sin(angle)], 1),
        np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1),
    ):
        for part in np.array_split(np.arange(len(x)), max(1, len(x) // 500)):
            squared = ((x[part, None] - centre[None]) ** 2).sum(2)
            logs.append((part, special.logsumexp(-squared / (2 * noise**2), axis=1)))
    half = len(logs) // 2
    both = [np.logaddexp(a[1], b[1]) for a, b in zip(logs[:half], logs[half:])]
    return np.concatenate(both) - np.log(2 * nodes) - np.log(2 * np.pi * noise**2)


def moons_and_sines(d, noise=0.3):
    """Two moons, then pairs (u, sin 2u + noise), all rotated by one fixed rotation of the columns after the moons."""

    def draw(r, n):
        x = np.empty((n, d))
        angle, upper = np.pi * r.random(n), r.random(n) < 0.5
        x[:, 0] = np.where(upper, np.cos(angle), 1 - np.cos(angle)) + 0.1 * r.standard_normal(n)
        x[:, 1] = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) + 0.1 * r.standard_normal(n)
        for j in range(2, d, 2):
            x[:, j] = r.standard_normal(n)
            x[:, j + 1] = np.sin(2 * x[:, j]) + noise * r.standard_normal(n)
        return x

    def density(x):
        logs = moon_density(x[:, :2])
        for j in range(2, d, 2):
            logs = logs + stats.norm.logpdf(x[:, j]) + stats.norm.logpdf(x[:, j + 1], np.sin(2 * x[:, j]), noise)
        return logs

    return draw, density


def rotated(of):
    """The same, in axes that a fixed random rotation turns."""
    draw, density = of
    turn = {}

    def q(d):
        if d not in turn:
            turn[d] = stats.ortho_group.rvs(d, random_state=7)
        return turn[d]

    return (lambda r, n: (lambda x: x @ q(x.shape[1]).T)(draw(r, n))), (lambda x: density(x @ q(x.shape[1])))


def ring(d=2):
    angle = np.arange(8) * np.pi / 4
    centres = 2 * np.stack([np.cos(angle), np.sin(angle)], 1)

    def density(x):
        squared = ((x[:, None] - centres[None]) ** 2).sum(2)
        return special.logsumexp(-squared / 0.02, axis=1) - np.log(8) - np.log(2 * np.pi * 0.01)

    return (lambda r, n: centres[r.integers(8, size=n)] + 0.1 * r.standard_normal((n, 2))), density


def only_moons():
    return (lambda r, n: moons_and_sines(2)[0](r, n)), moon_density


def normal(d):
    return (lambda r, n: r.standard_normal((n, d))), (lambda x: stats.norm.logpdf(x).sum(1))


GENERATORS = {
    "cauchy x cauchy": cauchy(2),
    "lognormal": lognormal(2),
    "ring of eight": ring(),
    "two moons": only_moons(),
    "student t3, 2-D": student(2),
    "shell, 5-D": shell(5),
    "shell, 8-D": shell(8),
    "shell, 16-D": shell(16),
    "skewed product, 16-D": skewed(16),
    "skewed product, 32-D": skewed(32),
    "student t3, 32-D": student(32),
    "moons and sines, 16-D": moons_and_sines(16),
    "moons and sines, 32-D": moons_and_sines(32),
    "moons and sines, rotated, 16-D": rotated(moons_and_sines(16)),
    "normal, 16-D": normal(16),
    "skewed product, 64-D": skewed(64),
}
REAL = {
    "linnerud": lambda: np.hstack(datasets.load_linnerud(return_X_y=True)),
    "iris": lambda: datasets.load_iris().data,
    "wine": lambda: datasets.load_wine().data,
    "breast_cancer": lambda: datasets.load_breast_cancer().data,
    "diabetes": lambda: datasets.load_diabetes(scaled=False).data,
    "digits": lambda: datasets.load_digits().data,
}
NOTES = {
    "digits": "whole numbers from 0 to 16; uniform noise of width 1 is added, as is usual for pixels",
    "diabetes": "column `sex` has two values, so that any density is unbounded there; uniform noise of width 1 is added to it",
}


def data(name, seed):
    """Points to fit, fresh points, and the true log-density of these or None."""
    rng = np.random.default_rng([seed, int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)])
    if name in GENERATORS:
        draw, density = GENERATORS[name]
        x, fresh = draw(rng, POINTS), draw(rng, FRESH)
        return x, fresh, density(fresh)
    x = np.asarray(REAL[name](), dtype=float)
    if name == "digits":
        x = x + rng.random(x.shape)
    if name == "diabetes":
        x[:, 1] += rng.random(len(x))
    order = rng.permutation(len(x))
    test = len(x) // 4
    return x[order[test:]], x[order[:test]], None


# Rivals: the log-density of fresh points, on standardized columns.


def one_gaussian(x, fresh):
    covariance = np.atleast_2d(np.cov(x.T, bias=True))
    return stats.multivariate_normal(x.mean(0), covariance, allow_singular=True).logpdf(fresh)


def gmm(x, fresh):
    best, d = None, x.shape[1]
    for kind in ("full", "diag"):
        vain = 0
        for size in (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32):
            if size > len(x) // 2 or (kind == "full" and size * d > len(x)):
                break
            own = GaussianMixture(size, covariance_type=kind, random_state=0, n_init=1 if len(x) > 2000 else 3).fit(x)
            bic = own.bic(x)
            if best is None or bic < best[0]:
                best, vain = (bic, own), 0
            else:
                vain += 1
            if vain > 2:
                break
    return best[1].score_samples(fresh)


def kde(x, fresh):
    some = x[:2000]
    widths = np.geomspace(0.03, 2.0, 19)

    def score(h):
        folds = KFold(5, shuffle=True, random_state=0).split(some)
        return np.mean([KernelDensity(bandwidth=h).fit(some[a]).score(some[b]) / len(b) for a, b in folds])

    h = max(widths, key=score) * (len(some) / len(x)) ** (1 / (x.shape[1] + 4))
    return KernelDensity(bandwidth=h, rtol=1e-4).fit(x).score_samples(fresh)


def rival(of, x, fresh):
    mean, scale = x.mean(0), x.std(0)
    with np.errstate(divide="ignore"):
        return of((x - mean) / scale, (fresh - mean) / scale) - np.log(scale).sum()


def ours(gdiff, flags):
    def run(x, fresh):
        with tempfile.TemporaryDirectory() as folder:
            at = lambda name: os.path.join(folder, name)
            np.save(at("x.npy"), x), np.save(at("fresh.npy"), fresh)
            call = lambda *words: subprocess.run([gdiff, "gaussianize", *words], check=True, capture_output=True, text=True).stdout
            told = call("fit", at("x.npy"), "--out", at("map"), *flags)
            if os.environ.get("TELL"):
                print(told)
            call("score", at("map"), at("fresh.npy"), "--out", at("scores.npy"))
            return np.load(at("scores.npy")).ravel()

    return run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", action="append", help="only tables whose name holds this text")
    parser.add_argument("--out", default="results/gaussianize")
    parser.add_argument("--cache", default="target/gaussianize/rivals", help="rivals' numbers of earlier calls")
    parser.add_argument("--quick", action="store_true", help="print only; write nothing")
    args = parser.parse_args()
    methods = {
        "one Gaussian": lambda x, f: rival(one_gaussian, x, f),
        "GMM, BIC": lambda x, f: rival(gmm, x, f),
        "KDE, CV": lambda x, f: rival(kde, x, f),
        "the paper's recipe": ours(args.gdiff, PAPER.split()),
        "ours": ours(args.gdiff, []),
    }
    Path(args.cache).mkdir(parents=True, exist_ok=True)
    rows, table = [], []
    for name in [*REAL, *GENERATORS]:
        if args.only and not any(part in name for part in args.only):
            continue
        means = {method: [] for method in methods}
        seconds = {method: [] for method in methods}
        truth, shape = [], None
        for seed in range(args.seeds):
            x, fresh, true = data(name, seed)
            shape = x.shape
            truth.append(np.nan if true is None else true.mean())
            for method, run in methods.items():
                kept = Path(args.cache) / f"{name}-{seed}-{method}.npy".replace(" ", "_").replace(",", "")
                if method != "ours" and kept.exists():
                    mean, time_taken = np.load(kept)
                else:
                    clock = time.perf_counter()
                    try:
                        scores = run(x, fresh)
                        mean = scores.mean() if np.isfinite(scores).all() else -np.inf
                    except subprocess.CalledProcessError as e:
                        print(name, seed, method, e.stderr.strip()[-300:])
                        mean = np.nan
                    time_taken = time.perf_counter() - clock
                    if method != "ours":
                        np.save(kept, [mean, time_taken])
                means[method].append(mean)
                seconds[method].append(time_taken)
                rows.append([name, *shape, seed, method, mean, truth[-1], time_taken])
        average = {method: np.mean(values) for method, values in means.items()}
        best = max((m for m in methods if m != "ours" and np.isfinite(average[m])), key=average.get)

        def difference(a, b):
            own = np.asarray(a) - np.asarray(b)
            if len(own) < 2:
                return f"{own.mean():+.3f}"
            half = stats.t.ppf(0.975, len(own) - 1) * own.std(ddof=1) / np.sqrt(len(own))
            return f"{own.mean():+.3f} ± {half:.3f}"

        number = lambda v: "-" if np.isnan(v) else (f"{v:.3f}" if abs(v) < 1e4 else f"{v:.3g}")
        cells = [name, f"{shape[0]:,} x {shape[1]}", number(np.mean(truth))]
        cells += [number(average[m]) for m in methods]
        cells += [best, difference(means["ours"], means[best])]
        cells += ["-" if np.isnan(truth).any() else difference(means["ours"], truth)]
        cells += [f"{np.median(seconds['ours']):.1f}"]
        table.append(cells)
        print(" | ".join(cells), flush=True)
    if args.quick:
        return
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "tables.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["table", "rows", "columns", "seed", "method", "log_density", "truth", "seconds"])
        writer.writerows([*row[:5], *(f"{v:.6g}" for v in row[5:])] for row in rows)
    head = ["table", "points", "truth", *methods, "best of the others", "ours - best", "ours - truth", "fit and score, s"]
    version = subprocess.run([args.gdiff, "--version"], capture_output=True, text=True).stdout.strip()
    text = f"""# Density of fresh points, on real tables and known laws

Made by `./scripts/gaussianize_tables.sh --seeds {args.seeds}`; {version}. Mean log-density of fresh points, nats, mean over
{args.seeds} seeds. Real tables are split at random: three quarters to fit, one quarter fresh. Laws of known density: {POINTS:,}
points to fit, {FRESH:,} fresh ones, and `truth` is the mean of the true log-density at the fresh points. Differences are paired
by seed, with 95 % intervals (t over seeds; the splits of one real table overlap, so these are a little too narrow).

| {" | ".join(head)} |
| {" | ".join(["---", "---"] + ["---:"] * 6 + ["---"] + ["---:"] * 3)} |
"""
    text += "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    text += "\n" + "".join(f"- {name}: {note}.\n" for name, note in NOTES.items())
    (out / "tables.md").write_text(text)


if __name__ == "__main__":
    main()
