"""The map against public Gaussianizers and flows, on the same tables: called by scripts/gaussianize_tables.sh --public.

Of each method and table: mean log-density of fresh points, sliced Wasserstein-2 distance of the mapped fresh points to
N(0, I), the round trip, and the seconds of the fit, one fit at a time. All rivals get standardized columns.
"""

import argparse
import csv
import platform
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import zuko
from gaussianize_tables import PAPER, PAPERS, Kept, data, interval, number, program
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.preprocessing import PowerTransformer, QuantileTransformer

TABLES = [
    "iris",
    "wine",
    "two moons",
    "ring of eight",
    "cauchy x cauchy",
    "lognormal",
    "shell, 8-D",
    "skewed product, 16-D",
    "student t3, 32-D",
    "breast_cancer",
]
STEPS, EVERY, PATIENCE, BATCH, HELD_OUT, RATE = 1_000, 50, 5, 512, 0.15, 2e-3
# Of torch: two threads wait for each other longer than these small networks take.
THREADS = 1
normal = lambda z: stats.norm.logpdf(z).sum(1)


class Quantiles:
    """scikit-learn's QuantileTransformer: a density only between the smallest and the largest training value."""

    def __init__(self, x):
        self.of = QuantileTransformer(n_quantiles=min(1000, len(x)), output_distribution="normal", subsample=None)
        self.of.fit(x)

    def forward(self, x):
        """z = Phi^-1(u(x)), so that the density is the slope of the piecewise linear u."""
        density = np.zeros(len(x))
        for j, knots in enumerate(self.of.quantiles_.T):
            at, first = np.unique(knots, return_index=True)
            last = np.append(first[1:], len(knots)) - 1
            # Of tied knots scikit-learn takes the mean of both ends.
            u = 0.5 * (self.of.references_[first] + self.of.references_[last])
            slope = np.append(np.diff(u) / np.diff(at), 0.0)
            place = np.searchsorted(at, x[:, j], side="right") - 1
            inside = (x[:, j] >= at[0]) & (x[:, j] < at[-1])
            with np.errstate(divide="ignore"):
                density += np.log(np.where(inside, slope[np.maximum(place, 0)], 0.0))
        return self.of.transform(x), density

    def inverse(self, z):
        return self.of.inverse_transform(z)


class PowerPca:
    """scikit-learn's PowerTransformer (Yeo-Johnson), then whitening by PCA."""

    def __init__(self, x):
        self.power = PowerTransformer().fit(x)
        self.pca = PCA(whiten=True).fit(self.power.transform(x))

    def forward(self, x):
        y = self.power.transform(x)
        z = self.pca.transform(y)
        slope = np.sign(x) * (self.power.lambdas_ - 1) * np.log1p(np.abs(x))
        of_scales = -np.log(self.power._scaler.scale_).sum() - 0.5 * np.log(self.pca.explained_variance_).sum()
        return z, slope.sum(1) + of_scales + normal(z)

    def inverse(self, z):
        return self.power.inverse_transform(self.pca.inverse_transform(z))


class Rbig:
    """Laparra, Camps-Valls & Malo 2011: a random rotation (the first layer has none), then histograms of sqrt(n) bins to
    normal, until a layer finds no more negentropy in its axes than in those of normal points (95 % quantile), three times
    in a row. Half a point of mass lies beyond each end and a tenth of one in each bin: with much less the inverse loses
    its digits. Rotations by PCA, their other choice, come back to the same axes where two variances are equal."""

    def __init__(self, x, most=100):
        n, d = x.shape
        own, self.layers, vain, random = [], [], 0, np.random.default_rng(0)
        for _ in range(20):
            own.append(sum(self.negentropy(random.standard_normal(n)) for _ in range(d)))
        floor = np.quantile(own, 0.95)
        while len(self.layers) < most and vain < 3:
            turn = stats.ortho_group.rvs(d, random_state=random) if self.layers else np.eye(d)
            x = x @ turn
            found = sum(self.negentropy(column) for column in x.T)
            vain = vain + 1 if self.layers and found < floor else 0
            self.layers.append((turn, [self.table(column) for column in x.T]))
            x = np.stack([self.through(column, *table)[0] for column, table in zip(x.T, self.layers[-1][1])], 1)

    @staticmethod
    def negentropy(s):
        count, at = np.histogram(s, int(np.sqrt(len(s))))
        p = count[count > 0] / len(s)
        entropy = -(p * np.log(p)).sum() + np.log(at[1] - at[0]) + (len(p) - 1) / (2 * len(s))
        return 0.5 * np.log(2 * np.pi * np.e * s.var()) - entropy

    @staticmethod
    def table(s):
        reach = 0.1 * np.ptp(s)
        at = np.linspace(s.min() - reach, s.max() + reach, int(np.sqrt(len(s))) + 1)
        count = np.histogram(s, at)[0] + 0.1
        beyond = 0.5 / len(s)
        return at, beyond + (1 - 2 * beyond) * np.append(0.0, np.cumsum(count)) / count.sum()

    @staticmethod
    def through(s, at, u):
        """z and log dz/ds; beyond the histogram z goes on with slope 1."""
        z = stats.norm.ppf(np.interp(s, at, u))
        place = np.clip(np.searchsorted(at, s, side="right") - 1, 0, len(at) - 2)
        slope = np.log((np.diff(u) / np.diff(at))[place]) - stats.norm.logpdf(z)
        out = np.minimum(s - at[0], 0.0) + np.maximum(s - at[-1], 0.0)
        return z + out, np.where(out == 0.0, slope, 0.0)

    def forward(self, x):
        logs = np.zeros(len(x))
        for turn, tables in self.layers:
            x, own = np.stack([self.through(column, *table) for column, table in zip((x @ turn).T, tables)], 2)
            logs += own.sum(1)
        return x, logs + normal(x)

    def inverse(self, z):
        for turn, tables in reversed(self.layers):
            z = np.stack([self.back(column, *table) for column, table in zip(z.T, tables)], 1) @ turn.T
        return z

    @staticmethod
    def back(z, at, u):
        inner = np.clip(z, *stats.norm.ppf([u[0], u[-1]]))
        return np.interp(stats.norm.cdf(inner), u, at) + z - inner


class Nsf:
    """zuko's neural spline flow, trained with early stopping on held-out points."""

    def __init__(self, x):
        torch.manual_seed(0)
        x = torch.as_tensor(x, dtype=torch.float32)
        x = x[torch.randperm(len(x))]
        held = max(1, int(HELD_OUT * len(x)))
        held, x = x[:held], x[held:]
        self.flow = zuko.flows.NSF(x.shape[1], transforms=3, bins=8, hidden_features=(64, 64))
        optimizer = torch.optim.Adam(self.flow.parameters(), lr=RATE)
        best, vain = (np.inf, None), 0
        for step in range(STEPS + 1):
            if step % EVERY == 0:
                with torch.no_grad():
                    loss = -self.flow().log_prob(held).mean().item()
                if loss < best[0]:
                    best, vain = (loss, {k: v.clone() for k, v in self.flow.state_dict().items()}), 0
                else:
                    vain += 1
                if vain >= PATIENCE:
                    break
            optimizer.zero_grad()
            loss = -self.flow().log_prob(x[torch.randint(len(x), (BATCH,))]).mean()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.flow.parameters(), 10.0)
            optimizer.step()
        self.flow.load_state_dict(best[1])
        self.flow.double()

    def forward(self, x):
        with torch.no_grad():
            z, logs = self.flow().transform.call_and_ladj(torch.as_tensor(x))
        return z.numpy(), logs.numpy() + normal(z.numpy())

    def inverse(self, z):
        # One axis after the other, each a pass through the network: slow, as of every autoregressive flow.
        with torch.no_grad():
            return self.flow().transform.inv(torch.as_tensor(z)).numpy()


class Program:
    """gdiff, by its own commands."""

    def __init__(self, gdiff, flags, x):
        self.folder = tempfile.TemporaryDirectory()
        self.at = lambda name: str(Path(self.folder.name) / name)
        self.gdiff = gdiff
        np.save(self.at("x.npy"), x)
        program(gdiff, "fit", self.at("x.npy"), "--out", self.at("map"), *flags)

    def run(self, words, x):
        np.save(self.at("in.npy"), x)
        program(self.gdiff, *words, self.at("map"), self.at("in.npy"), "--out", self.at("out.npy"))
        return np.load(self.at("out.npy"))

    def forward(self, x):
        return self.run(["apply"], x), self.run(["score"], x).ravel()

    def inverse(self, z):
        return self.run(["invert"], z)


def sliced(z, directions=200):
    """Root of the mean squared Wasserstein-2 distance to N(0, 1) over random directions."""
    u = np.random.default_rng(1).standard_normal((z.shape[1], directions))
    s = np.sort(z @ (u / np.linalg.norm(u, axis=0)), axis=0)
    q = stats.norm.ppf((np.arange(len(z)) + 0.5) / len(z))
    return np.sqrt(((s - q[:, None]) ** 2).mean())


def measure(make, x, fresh):
    """Mean log-density, share of points without one, sliced distance, worst round trip in units of the column's
    standard deviation, seconds of the fit."""
    mean, scale = x.mean(0), x.std(0)
    own = make is not None and make.func is Program
    shift, unit = (0.0, 1.0) if own else (mean, scale)
    clock = time.perf_counter()
    model = make((x - shift) / unit)
    taken = time.perf_counter() - clock
    z, logs = model.forward((fresh - shift) / unit)
    logs = logs if own else logs - np.log(scale).sum()
    some = slice(0, 1000)
    back = model.inverse(z[some]) * unit + shift
    off = np.abs(back - fresh[some]) / scale
    density = logs.mean() if np.isfinite(logs).all() else -np.inf
    return [density, 1.0 - np.isfinite(logs).mean(), sliced(z), off.max(), taken]


def write(args, rows, floors, methods):
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "public.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = ["table", "rows", "columns", "seed", "method", "log_density", "no_density", "sliced_w2", "round_trip", "fit_seconds"]
        writer.writerow(head)
        writer.writerows([*row[:5], *(f"{v:.6g}" for v in row[5:])] for row in rows)
    version = subprocess.run([args.gdiff, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    text = f"""# Against public Gaussianizers and flows

Made by `./scripts/gaussianize_tables.sh --public --seeds {args.seeds}`; {version}; scikit-learn, zuko {zuko.__version__}, torch
{torch.__version__.split("+")[0]} with {THREADS} thread, Python {platform.python_version()}. Tables, splits and fresh points are those of
`tables.md`. Means over seeds; differences are paired by seed, with 95 % intervals (t over seeds).

- `log-density`: mean over fresh points, nats. `-inf` where a fresh point has none: QuantileTransformer has none outside
  the range of its training values, and the column beside it says of how many points.
- `sliced W2`: of the mapped fresh points to N(0, I), over 200 directions; beside it that of as many true normal points.
- `round trip`: the largest distance of a fresh point from the inverse of its image, in standard deviations of the column.
- `fit, s`: one fit at a time, after imports; of gdiff with starting the program and reading the table.
- QuantileTransformer: normal output, at most 1,000 quantiles. PowerTransformer + PCA: Yeo-Johnson, whitened.
- NSF: zuko's neural spline flow, 3 autoregressive transforms of 8 bins, networks 64 x 64, Adam at {RATE}, at most {STEPS:,} steps
  of {BATCH} points, stopped after {PATIENCE} checks ({EVERY} steps each) without a better density of {HELD_OUT:.0%} held-out points. A
  longer training or another size may be better; none was tuned, nor was gdiff.
- RBIG: the package index has no package of it, so that it is our Python after Laparra, Camps-Valls & Malo (2011).
- SINF (Dai & Seljak 2021) is not there: it is no package of the index. Its directions are gdiff's `rotation = "sliced"`.

"""
    for name in dict.fromkeys(row[0] for row in rows):
        own = [row for row in rows if row[0] == name]
        of = lambda method, k: np.array([row[k] for row in own if row[4] == method])
        floor = np.mean(floors[name])
        text += f"## {name}, {own[0][1]:,} x {own[0][2]} (seeds: {len(of('ours', 5))})\n\n"
        text += f"| method | log-density | ours - it | without, % | sliced W2 (normal: {floor:.3f}) | round trip | fit, s |\n"
        text += "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        for method in methods:
            values = of(method, 5)
            less = "-" if method == "ours" or not np.isfinite(values).all() else interval(of("ours", 5) - values)
            text += f"| {method} | {number(values.mean())} | {less} | {100 * of(method, 6).mean():.2f} | "
            text += f"{of(method, 7).mean():.3f} | {of(method, 8).max():.1e} | {np.median(of(method, 9)):.1f} |\n"
        text += "\n"
    (out / "public.md").write_text(text.rstrip("\n") + "\n")


def main():
    from functools import partial

    parser = argparse.ArgumentParser()
    parser.add_argument("--gdiff", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", action="append", help="only tables whose name holds this text")
    parser.add_argument("--out", default="results/gaussianize")
    parser.add_argument("--cache", default="target/gaussianize/public", help="numbers of earlier calls")
    args = parser.parse_args()
    torch.set_num_threads(THREADS)
    methods = {
        "ours": partial(Program, args.gdiff, []),
        "gdiff's flow": partial(Program, args.gdiff, ["--coupling", "flow"]),
        PAPERS: partial(Program, args.gdiff, PAPER.split()),
        "QuantileTransformer": partial(Quantiles),
        "PowerTransformer + PCA": partial(PowerPca),
        "RBIG (our Python)": partial(Rbig),
        "NSF (zuko)": partial(Nsf),
    }
    kept, rows, floors = Kept(args.cache, args.gdiff), [], {}
    for seed in range(args.seeds):
        for name in TABLES:
            if args.only and not any(part in name for part in args.only):
                continue
            x, fresh, _ = data(name, seed)
            floors.setdefault(name, []).append(sliced(np.random.default_rng(seed).standard_normal(fresh.shape)))
            for method, make in methods.items():
                values = kept.get(f"{name}-{seed}", method, lambda: measure(make, x, fresh))
                rows.append([name, *x.shape, seed, method, *values])
                print(seed, name, method, *(f"{v:.4g}" for v in values), sep=" | ", flush=True)
            write(args, sorted(rows, key=lambda row: TABLES.index(row[0])), floors, methods)


if __name__ == "__main__":
    main()
