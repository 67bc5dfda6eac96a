#!/usr/bin/env python3
"""Prints the tables of results/inside/README.md: `inside.py RESULTS WORK MIXTURE ...`.

RESULTS holds the summaries, WORK the whole studies, whose tables by step are read too.
"""

import csv
import sys
from collections import defaultdict
from pathlib import Path

from tables import T, table

PIPELINES = ("baseline", "ica_kde", "gaussianized", "exact")


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def number(text):
    return None if text == "" else float(text)


def shown(mean, half=None, digits=3):
    if mean is None:
        return ""
    return f"{mean:.{digits}f}" + ("" if half is None else f" +- {half:.{digits}f}")


def of_row(row, digits=3):
    mean, high = number(row["mean"]), number(row["interval_high"])
    return shown(mean, None if high is None else high - mean, digits)


def calls(folder):
    print("## Quality against network calls\n")
    print("![calls](calls.png)\n")
    summary = rows(folder / "calls" / "summary.csv")
    floor = next(r for r in summary if r["pipeline"] == "data" and r["metric"] == "sliced_w2")
    print(
        f"Sliced W2 to 10,000 real points, 5 replicates; fresh real points have {of_row(floor)}. *To the floor*: the fewest calls",
        "from which on the mean stays below the upper end of that interval.\n",
    )
    found = defaultdict(dict)
    for row in summary:
        key = (row["sample.start"], row["sample.sampler"], row["sample.steps"], row["pipeline"])
        found[key][row["metric"]] = row
    curves = defaultdict(dict)
    for (start, sampler, _, pipeline), metrics in found.items():
        if "network_calls" in metrics and "sliced_w2" in metrics:
            at = round(float(metrics["network_calls"]["mean"]), 1)
            curves[start, sampler, pipeline][at] = metrics["sliced_w2"]
    heading = ["sampler", "start", "pipeline", "fewest calls", "5 calls", "10 calls", "20 calls", "most calls", "to the floor"]
    lines = []
    for start in ("noise", "late"):
        for sampler in ("ddpm", "ddim", "heun", "dpm_solver_2m"):
            for pipeline in PIPELINES:
                curve = curves[start, sampler, pipeline]
                if not curve:
                    continue
                at = sorted(curve)
                # Heun's method asks 5, 9 and 19 times where the others ask 5, 10 and 20.
                near = lambda wanted: next((of_row(curve[c]) for c in at if 0.85 * wanted <= c <= wanted), "")
                reached = ""
                for c in reversed(at):
                    if float(curve[c]["mean"]) > float(floor["interval_high"]):
                        break
                    reached = f"{c:g}"
                first, last = at[0], at[-1]
                ends = f"{first:g}: {of_row(curve[first])}" if len(at) > 1 else ""
                lines.append([sampler, start, pipeline, ends, near(5), near(10), near(20), f"{last:g}: {of_row(curve[last])}", reached or "-"])
    table(heading, lines)
    print("The map alone, 0 calls:", "; ".join(map_alone(summary)) + ".\n")


def learned_variance(folder, work):
    """Mean of each variance at each number of calls, and differences to the fixed ones by replicate."""
    print("## Learned variance\n")
    print("![learned variance](learned_variance.png)\n")
    print(
        "Ancestral sampling with few steps, by the variance of its steps: `gdiff run configs/study/learned_variance.toml --plot`, 20",
        "replicates (`learned_variance/provenance.json` says with which program). *Learned*: `learned_range` with the loss `hybrid`; of *exact*, the variance that a perfect network would learn.",
        "Differences are paired by replicate, with 95 % intervals, in bold where these leave out 0. At 1 call no noise is added, so the",
        "variance does not count there: what differs is the network, which the two losses train otherwise. With *exact* the predicted",
        "noise is the same for all, so that the variance is all that differs.\n",
    )
    summary = rows(folder / "learned_variance" / "summary.csv")
    real = {row["metric"]: row for row in summary if row["pipeline"] == "data"}
    kinds = ("fixed_small", "fixed_large", "learned_range")
    last = {}
    for row in rows(work / "learned_variance" / "metrics.csv"):
        if row["t"] == "0":
            key = (row["pipeline"], int(row["sample.steps"]), row["diffusion.variance"])
            last.setdefault(key, {})[row["replicate"]] = row

    def difference(own, other, metric, digits):
        mean, half = mean_interval([float(own[r][metric]) - float(other[r][metric]) for r in sorted(own)])
        text = f"{mean:+.{digits}f} +- {half:.{digits}f}"
        return f"**{text}**" if abs(mean) > half else text

    for metric, name, digits in (("sliced_w2", "Sliced W2", 3), ("mode_error", "Mode error", 3), ("log_likelihood", "Log-likelihood", 2)):
        better = "the closer to that" if metric == "log_likelihood" else "the less"
        print(f"{name}; fresh real points have {of_row(real[metric], digits)}, and {better}, the better.\n")
        lines = []
        for pipeline in ("baseline", "exact"):
            for calls in sorted({c for p, c, _ in last if p == pipeline}):
                of = [last[pipeline, calls, kind] for kind in kinds]
                means = [shown(*mean_interval([float(r[metric]) for r in values.values()]), digits) for values in of]
                lines.append([pipeline, str(calls), *means, *(difference(of[2], other, metric, digits) for other in of[:2])])
        table(["pipeline", "calls", "fixed_small", "fixed_large", "learned", "learned - small", "learned - large"], lines)


def map_alone(summary):
    for row in summary:
        first = row["metric"] == "first_sliced_w2" and row["pipeline"] in ("ica_kde", "gaussianized")
        if first and (row["sample.start"], row["sample.sampler"]) == ("noise", "ddpm"):
            yield f"{row['pipeline']} {of_row(row)}"


def late_start(folder, work):
    print("## Late start\n")
    print("![starts](starts.png)\n")
    summary = rows(folder / "late_start" / "summary.csv")
    of = {(r["pipeline"], r["sample.start_step"], r["metric"]): r for r in summary}
    floor = of["data", "100", "sliced_w2"]
    width = float(floor["interval_high"]) - float(floor["interval_low"])
    print(
        f"Ancestral sampling, 10 replicates. *Saved at no loss*: steps left out from the beginning while the upper end of the paired",
        f"95 % interval of the sliced W2 that is lost against the whole process stays below the width of the floor's interval, {width:.4f}.\n",
    )
    last = {}
    for row in rows(work / "late_start" / "metrics.csv"):
        if row["sliced_w2"]:
            last[row["pipeline"], row["sample.start_step"], row["replicate"]] = float(row["sliced_w2"])
    lines = []
    for pipeline in PIPELINES:
        steps = sorted({int(s) for p, s, _ in last if p == pipeline and s != "auto"}, reverse=True)
        replicates = sorted({r for p, _, r in last if p == pipeline})

        def lost(step):
            differences = [last[pipeline, str(step), r] - last[pipeline, str(steps[0]), r] for r in replicates]
            return mean_interval(differences)

        earliest = steps[0]
        for step in steps:
            mean, half = lost(step)
            if mean + half > width:
                break
            earliest = step
        automatic = of[pipeline, "auto", "start_step"]
        each = [last[pipeline, "auto", r] - last[pipeline, str(steps[0]), r] for r in replicates]
        lines.append([
            pipeline,
            str(steps[0] - earliest),
            of_row(automatic, 0),
            of_row(of[pipeline, "auto", "sliced_w2"], 4),
            of_row(of[pipeline, str(steps[0]), "sliced_w2"], 4),
            shown(*mean_interval(each), 4),
        ])
    table(["pipeline", "saved at no loss, of 100", "automatic start, t", "sliced W2 from there", "of the whole process", "paired difference"], lines)


def choice(folder, work, names):
    print("## When the modes are chosen\n")
    print("![bifurcation](bifurcation.png)\n")
    print(
        "Reverse steps of 100. *Theory*: the speciation step (Biroli et al. 2024). *Measured*: where clones, that is pairs of samples",
        "that go on from the same point with independent noise, end in one mode with the normalized agreement .55. *Half*: the share",
        "of the samples that are in their final mode after 50 steps, and what chance gives. 5 replicates.\n",
    )
    lines = []
    for name in names:
        summary = {(r["pipeline"], r["metric"]): r for r in rows(folder / f"suite_{name}" / "summary.csv")}
        committed = defaultdict(list)
        for row in rows(work / f"suite_{name}" / "bifurcation.csv"):
            if row["step"] == "50" and row["committed"]:
                committed[row["pipeline"]].append(float(row["committed"]))
        line = [name]
        for pipeline in ("exact", "baseline", "ica_kde", "gaussianized"):
            theory, measured = (summary.get((pipeline, metric)) for metric in ("speciation_step", "cloning_step"))
            line.append("-" if theory is None else f"{float(theory['mean']):.0f}")
            line.append("-" if measured is None else of_row(measured, 1))
            line.append(f"{sum(committed[pipeline]) / len(committed[pipeline]):.2f}" if committed[pipeline] else "")
        lines.append(line)
    heading = ["mixture"]
    for pipeline in ("exact", "baseline", "ica_kde", "gaussianized"):
        heading += [f"{pipeline}: theory", "measured", "half"]
    table(heading, lines)


def error_over_t(work):
    print("## Error over t\n")
    print("![error over t](error_over_t.png)\n")
    print(
        "The baseline's mean squared error above the exact denoiser's, per dimension, by the network's width; 5 replicates. On",
        "*noised* fresh points, and at the sampler's own points (*path*). The last columns: the share of the path's Kullback-Leibler",
        "divergence that steps up to t = 10 make.\n",
    )
    times = ("1", "2", "5", "10", "20", "30", "50", "100")
    excess, share = defaultdict(list), defaultdict(lambda: defaultdict(float))
    for row in rows(work / "widths" / "error_over_t.csv"):
        if row["pipeline"] != "baseline":
            continue
        width = row["network.width"]
        if row["excess"] and row["t"] in times:
            excess[width, row["where"], row["t"]].append(float(row["excess"]))
        if row["kl_share"] and int(row["t"]) <= 10:
            share[width, row["where"]][row["replicate"]] += float(row["kl_share"])
    widths = sorted({int(w) for w, _, _ in excess})
    lines = []
    for width in widths:
        for where in ("noised", "path"):
            cells = [excess[str(width), where, t] for t in times]
            means = ["" if not cell else f"{sum(cell) / len(cell):.4f}" for cell in cells]
            shares = list(share[str(width), where].values())
            lines.append([str(width), where, *means, shown(*mean_interval(shares), 2) if shares else ""])
    table(["width", "points", *(f"t = {t}" for t in times), "KL up to t = 10"], lines)


def likelihood(folder, names):
    print("## Likelihood of held-out points\n")
    print(
        "Mean log-density of the data less that of the model at 1,000 fresh points, nats: an estimate of the Kullback-Leibler",
        "divergence of the model from the data; 5 replicates. *Map*: that of the space alone, without diffusion. In bold: paired",
        "differences to the baseline whose interval leaves out 0.\n",
    )

    def cell(row):
        if row is None:
            return ""
        low, high = number(row["baseline_difference_low"]), number(row["baseline_difference_high"])
        text = of_row(row)
        return f"**{text}**" if low is not None and (low > 0 or high < 0) else text

    lines = []
    sources = [("widths", width) for width in ("16", "32", "64", "128")] + [(f"suite_{name}", None) for name in names]
    for source, width in sources:
        found = {}
        for row in rows(folder / source / "summary.csv"):
            # The exact denoiser is the same for every width.
            if width is None or row["network.width"] == width:
                found[row["pipeline"], row["metric"]] = row
        line = [source.removeprefix("suite_") if width is None else f"gmm_width{width}"]
        line.append(cell(found.get(("baseline", "model_kl"))))
        for pipeline in ("ica_kde", "gaussianized"):
            line += [cell(found.get((pipeline, "model_kl"))), cell(found.get((pipeline, "map_alone_kl")))]
        line.append(cell(found.get(("exact", "model_kl"))))
        lines.append(line)
    table(["data", "baseline", "ica_kde", "its map", "gaussianized", "its map", "exact"], lines)


def main():
    folder, work, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    calls(folder)
    learned_variance(folder, work)
    late_start(folder, work)
    choice(folder, work, names)
    error_over_t(work)
    likelihood(folder, names)


main()
