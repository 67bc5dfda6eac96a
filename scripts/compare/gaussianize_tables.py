"""The map's density against others', on fresh points: called by scripts/gaussianize_tables.sh.

Rivals get their own best chance: columns are standardized for them (with the Jacobian counted), the mixture's size and
kind are chosen by BIC, the kernel width by cross-validation. The first paper's recipe is run by the same program.
Where points share values there is no density, so that drawn points are compared instead. Seeds are the outer loop and
all is written after each, so that a run that is cut short leaves a whole table of fewer seeds.
"""

import argparse
import csv
import hashlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import special, stats
from scipy.spatial import distance
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import NearestNeighbors

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
    "moons and sines, rotated, 32-D": rotated(moons_and_sines(32)),
    "skewed product, rotated, 16-D": rotated(skewed(16)),
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
# Laws with ties: they have no density, so that drawn points are judged.


def atom(r, n):
    x = r.standard_normal((n, 2))
    x[r.random(n) < 0.3, 0] = 0.0
    return x


TIED = {
    "normal with an atom": atom,
    "rounded normal": lambda r, n: np.round(r.standard_normal((n, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]]), 1),
    "5 x 5 grid": lambda r, n: r.integers(5, size=(n, 2)).astype(float),
}
# Tables of which a seed takes long.
SLOW = ("digits", "moons and sines, 32-D", "moons and sines, rotated, 32-D", "skewed product, 64-D")
NOTES = {
    "digits": "whole numbers from 0 to 16; uniform noise of width 1 is added, as is usual for pixels",
    "diabetes": "column `sex` has two values, so that any density is unbounded there; uniform noise of width 1 is added to it",
}


def stream(name, seed):
    return np.random.default_rng([seed, int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)])


def data(name, seed):
    """Points to fit, fresh points, and the true log-density of these or None."""
    rng = stream(name, seed)
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


def mixture(x):
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
    return best[1]


def gmm(x, fresh):
    return mixture(x).score_samples(fresh)


class Kernels:
    """The kernel density of normal kernels of one width."""

    def __init__(self, x, h):
        self.x, self.h = x, h

    def score_samples(self, at):
        d = self.x.shape[1]
        logs = []
        for part in np.array_split(at, max(1, len(at) // 250)):
            nearness = squared(part, self.x)
            nearness *= -0.5 / self.h**2
            top = nearness.max(1)
            nearness -= top[:, None]
            logs.append(top + np.log(np.exp(nearness, out=nearness).sum(1)))
        return np.concatenate(logs) - np.log(len(self.x)) - d * np.log(self.h) - d / 2 * np.log(2 * np.pi)

    def sample(self, n):
        r = np.random.default_rng(0)
        return self.x[r.integers(len(self.x), size=n)] + self.h * r.standard_normal((n, self.x.shape[1]))


def squared(a, b):
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T, 0.0)


def kernels(x):
    """The width is that of the best held-out density of five folds of 2,000 points, scaled to all points."""
    some = x[:2000]
    folds = list(KFold(5, shuffle=True, random_state=0).split(some))
    score = lambda h: np.mean([Kernels(some[a], h).score_samples(some[b]).mean() for a, b in folds])
    h = max(np.geomspace(0.03, 2.0, 19), key=score)
    return Kernels(x, h * (len(some) / len(x)) ** (1 / (x.shape[1] + 4)))


def kde(x, fresh):
    return kernels(x).score_samples(fresh)


def rival(of, x, fresh):
    mean, scale = x.mean(0), x.std(0)
    with np.errstate(divide="ignore"):
        return of((x - mean) / scale, (fresh - mean) / scale) - np.log(scale).sum()


def program(gdiff, *words):
    return subprocess.run([gdiff, "gaussianize", *words], check=True, capture_output=True, text=True).stdout


def ours(gdiff, flags):
    def run(x, fresh):
        with tempfile.TemporaryDirectory() as folder:
            at = lambda name: os.path.join(folder, name)
            np.save(at("x.npy"), x), np.save(at("fresh.npy"), fresh)
            told = program(gdiff, "fit", at("x.npy"), "--out", at("map"), *flags)
            if os.environ.get("TELL"):
                print(told)
            program(gdiff, "score", at("map"), at("fresh.npy"), "--out", at("scores.npy"))
            return np.load(at("scores.npy")).ravel()

    return run


# Draws of n points, for laws that have no density.


def draw_gaussian(x, n):
    return np.random.default_rng(0).multivariate_normal(x.mean(0), np.cov(x.T), size=n)


def draw_gmm(x, n):
    model = mixture((x - x.mean(0)) / x.std(0))
    return model.sample(n)[0] * x.std(0) + x.mean(0)


def draw_kde(x, n):
    return kernels((x - x.mean(0)) / x.std(0)).sample(n) * x.std(0) + x.mean(0)


def draw_ours(gdiff, flags):
    def run(x, n):
        with tempfile.TemporaryDirectory() as folder:
            at = lambda name: os.path.join(folder, name)
            np.save(at("x.npy"), x)
            program(gdiff, "fit", at("x.npy"), "--out", at("map"), *flags)
            program(gdiff, "sample", at("map"), "--count", str(n), "--out", at("drawn.npy"))
            return np.load(at("drawn.npy"))

    return run


def energy_distance(a, b):
    """2 E|a - b| - E|a - a'| - E|b - b'| over pairs of different points: of mean 0 where both have one law."""
    within = lambda x: distance.pdist(x).mean()
    return 2 * distance.cdist(a, b).mean() - within(a) - within(b)


def coverage(real, drawn, k=5):
    """The share of real points that have a drawn one no further off than their k-th neighbour among the real ones."""
    radius = NearestNeighbors(n_neighbors=k + 1).fit(real).kneighbors(real)[0][:, -1]
    return (NearestNeighbors(n_neighbors=1).fit(drawn).kneighbors(real)[0][:, 0] <= radius).mean()


def interval(values, digits=3):
    """The mean with a 95 % interval (t over seeds)."""
    own = np.asarray(values)
    if len(own) < 2:
        return f"{own.mean():+.{digits}f}"
    half = stats.t.ppf(0.975, len(own) - 1) * own.std(ddof=1) / np.sqrt(len(own))
    return f"{own.mean():+.{digits}f} ± {half:.{digits}f}"


def number(v):
    return "-" if np.isnan(v) else (f"{v:.3f}" if abs(v) < 1e4 else f"{v:.3g}")


class Kept:
    """Numbers of earlier calls in a folder, by a name; those of our program also by its bytes."""

    def __init__(self, folder, gdiff):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.program = hashlib.sha256(Path(gdiff).read_bytes()).hexdigest()[:12]

    def get(self, name, method, make):
        of = f"{method}-{self.program}" if method in ("ours", "gdiff's flow", PAPERS) else method
        path = self.folder / f"{name}-{of}.npy".replace(" ", "_").replace(",", "")
        if not path.exists():
            np.save(path, make())
        return np.load(path)


PAPERS = "the paper's recipe"


def density_table(rows, methods):
    lines, names = [], list(dict.fromkeys(row[0] for row in rows))
    for name in names:
        own = [row for row in rows if row[0] == name]
        of = {m: np.array([row[5] for row in own if row[4] == m]) for m in methods}
        truth = np.array([row[6] for row in own if row[4] == "ours"])
        average = {m: values.mean() for m, values in of.items()}
        best = max((m for m in methods if m != "ours" and np.isfinite(average[m])), key=average.get)
        known = not np.isnan(truth).any()
        cells = [name, f"{own[0][1]:,} x {own[0][2]}", f"{len(truth)}", number(truth.mean())]
        cells += [number(average[m]) for m in methods]
        cells += [best, interval(of["ours"] - of[best])]
        cells += [interval(of["ours"] - truth) if known else "-", f"{-own[0][2] / 100:.2f}" if known else "-"]
        cells += [f"{np.median([row[7] for row in own if row[4] == 'ours']):.1f}"]
        lines.append(cells)
    return lines


def drawn_table(rows, methods):
    lines = []
    for name in dict.fromkeys(row[0] for row in rows):
        for method in ["another draw of the law", *methods]:
            own = [row for row in rows if row[0] == name and row[3] == method]
            energy, covered = ([row[k] for row in own] for k in (4, 5))
            lines.append([name, method, f"{len(own)}", interval(np.array(energy) * 1e3, 2), interval(covered)])
    return lines


def write(args, rows, drawn, methods):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "tables.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "rows", "columns", "seed", "method", "log_density", "truth", "seconds"])
        writer.writerows([*row[:5], *(f"{v:.6g}" for v in row[5:])] for row in rows)
    with open(out / "tables_drawn.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "rows", "seed", "method", "energy_distance", "coverage"])
        writer.writerows([*row[:4], *(f"{v:.6g}" for v in row[4:])] for row in drawn)
    lines = lambda table: "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    head = ["table", "points", "seeds", "truth", *methods, "best of the others", "ours - best", "ours - truth", "goal", "fit and score, s"]
    version = subprocess.run([args.gdiff, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    text = f"""# Density of fresh points, on real tables and known laws

Made by `./scripts/gaussianize_tables.sh {" ".join(map(shlex.quote, sys.argv[3:]))}`; {version}. Mean log-density of
fresh points, nats, mean over seeds. Real tables are split at random: three quarters to fit, one quarter fresh. Laws of
known density: {POINTS:,} points to fit, {FRESH:,} fresh ones, and `truth` is the mean of the true log-density at the fresh
points. Differences are paired by seed, with 95 % intervals (t over seeds; the splits of one real table overlap, so that
these are a little too narrow). Slow tables have fewer seeds, as column `seeds` says.

`best of the others` is the method with the largest mean at these very fresh points: it is chosen after the fact, which
favours the others, since no user could choose so. `goal` is what `ours - truth` may be at least: -0.1 nat a ten
columns. The seconds of a fit with its scoring are those of a machine that also did other work; take the order of
magnitude.

| {" | ".join(head)} |
| {" | ".join(["---"] * 2 + ["---:"] * 7 + ["---"] + ["---:"] * 4)} |
{lines(density_table(rows, methods))}
"""
    shown = {row[0] for row in rows}
    text += "".join(f"- {name}: {note}.\n" for name, note in NOTES.items() if name in shown)
    if drawn:
        text += f"""
## Points that share values

Laws with ties have no density: {DRAWN:,} drawn points are compared with as many fresh ones. Energy distance (times 1,000) is
0 on average for another draw of the law; coverage is the share of fresh points with a drawn one no further off than
their fifth neighbour among the fresh, which is at distance 0 where enough points are equal, so that a method that
spreads ties covers none of them. `normal with an atom`: 30 % of the first column are 0. `rounded normal`: two correlated
columns in steps of 0.1. `5 x 5 grid`: all of 25 points alike. The paper's recipe is run by gdiff, which spreads ties and
snaps them back for it too: what it shows here is that, not the recipe.

| table | drawn by | seeds | energy distance x 1,000 | coverage |
| --- | --- | ---: | ---: | ---: |
{lines(drawn_table(drawn, methods))}"""
    (out / "tables.md").write_text(text)


DRAWN = 3_000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--slow-seeds", type=int, default=2, help=f"seeds of {', '.join(SLOW)}")
    parser.add_argument("--only", action="append", help="only tables whose name holds this text")
    parser.add_argument("--out", default="results/gaussianize")
    parser.add_argument("--cache", default="target/gaussianize/rivals", help="numbers of earlier calls")
    parser.add_argument("--quick", action="store_true", help="print only; write nothing")
    args = parser.parse_args()
    methods = {
        "one Gaussian": (lambda x, f: rival(one_gaussian, x, f), draw_gaussian),
        "GMM, BIC": (lambda x, f: rival(gmm, x, f), draw_gmm),
        "KDE, CV": (lambda x, f: rival(kde, x, f), draw_kde),
        PAPERS: (ours(args.gdiff, PAPER.split()), draw_ours(args.gdiff, PAPER.split())),
        "ours": (ours(args.gdiff, []), draw_ours(args.gdiff, [])),
    }
    kept, rows, drawn, order = Kept(args.cache, args.gdiff), [], [], [*REAL, *GENERATORS]
    wanted = lambda name: not args.only or any(part in name for part in args.only)

    def save():
        if not args.quick:
            write(args, sorted(rows, key=lambda row: order.index(row[0])), drawn, methods)

    def measure(run, x, fresh):
        clock = time.perf_counter()
        try:
            scores = run(x, fresh)
            mean = scores.mean() if np.isfinite(scores).all() else -np.inf
        except subprocess.CalledProcessError as e:
            print(e.stderr.strip()[-300:])
            mean = np.nan
        return [mean, time.perf_counter() - clock]

    def compare(draw, x, fresh):
        points = draw(x, DRAWN)
        return [energy_distance(points, fresh), coverage(fresh, points)]

    for seed in range(args.seeds):
        for name in filter(wanted, TIED):
            rng = stream(name, seed)
            x, fresh, other = (TIED[name](rng, n) for n in (POINTS, DRAWN, DRAWN))
            drawn.append([name, len(x), seed, "another draw of the law", energy_distance(other, fresh), coverage(fresh, other)])
            for method, (_, draw) in methods.items():
                own = kept.get(f"{name}-{seed}", method, lambda: compare(draw, x, fresh))
                drawn.append([name, len(x), seed, method, *own])
            print(seed, name, drawn[-1][4:], flush=True)
            save()
        # Those of few columns first.
        for name in sorted(filter(wanted, order), key=lambda name: data(name, 0)[0].shape[1]):
            if name in SLOW and seed >= args.slow_seeds:
                continue
            x, fresh, true = data(name, seed)
            truth = np.nan if true is None else true.mean()
            for method, (run, _) in methods.items():
                mean, taken = kept.get(f"{name}-{seed}", method, lambda: measure(run, x, fresh))
                rows.append([name, *x.shape, seed, method, mean, truth, taken])
            print(seed, *(f"{cell}" for cell in density_table([r for r in rows if r[0] == name], methods)[0]), sep=" | ", flush=True)
            save()


if __name__ == "__main__":
    main()
