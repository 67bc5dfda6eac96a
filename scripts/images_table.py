"""The table of scripts/images_table.sh, in Markdown to standard output.

    images_table.py STUDY CONTROLS-pixels.csv CONTROLS-features.csv COMMAND
"""

import csv
import sys

from tables import table

METRICS = ["frechet", "precision", "recall", "density", "coverage", "feature_precision", "feature_recall", "feature_density", "feature_coverage"]
HEADINGS = ["Frechet", "P", "R", "D", "C", "P, features", "R, features", "D, features", "C, features"]
VERDICTS = ["frechet", "precision", "recall", "density", "coverage", "feature_precision", "feature_recall", "feature_density", "feature_coverage"]


def number(text):
    return float(text) if text else None


def interval(row, mean, low, high):
    values = [number(row[key]) for key in (mean, low, high)]
    if values[0] is None:
        return "-"
    if values[1] is None:
        return f"{values[0]:.3f}"
    return f"{values[0]:.3f} ({values[1]:.3f} .. {values[2]:.3f})"


def main():
    study, pixels, features, command = sys.argv[1:]
    with open(f"{study}/summary.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    by_setting = {}
    for row in rows:
        key = (row["pipeline"], float(row["train.isotropy.lambda"]), row["train.isotropy.control"] == "true")
        by_setting.setdefault(key, {})[row["metric"]] = row
    replicates = max(int(row["replicates"]) for row in rows)
    print(f"# {study.split('/')[-1]}: lambda, and one number, on images\n")
    print(f"`{command}`. {replicates} replicates; means with 95 % intervals; the features are those of the spec's `[features]`. "
          "A control is the plain network whose output is multiplied by the s that its lambda asks for.\n")
    first = next(key for key in by_setting if key[0] == "data")
    lines = [["fresh real images"] + [interval(by_setting[first].get(m, {}) or {"mean": "", "interval_low": "", "interval_high": ""}, "mean", "interval_low", "interval_high") for m in METRICS]]
    scales = {}
    settings = sorted((key for key in by_setting if key[0] != "data"), key=lambda key: (key[1], key[2]))
    for pipeline, weight, control in settings:
        metrics = by_setting[pipeline, weight, control]
        name = "plain network" if weight == 0 else f"lambda = {weight:g}" + (", control" if control else "")
        lines.append([name] + [interval(metrics[m], "mean", "interval_low", "interval_high") if m in metrics else "-" for m in METRICS])
        scales[name] = metrics
    extra = {}
    for path, prefix in ((pixels, ""), (features, "feature_")):
        with open(path, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                own = extra.setdefault(row["control"], {})
                for metric in ("precision", "recall", "density", "coverage"):
                    own[prefix + metric] = row[metric]
                if prefix:
                    own["frechet"] = row["frechet"]
    for name, own in extra.items():
        if name != "fresh":
            lines.append([f"real images, {name}"] + [f"{float(own[m]):.3f}" for m in METRICS])
    table(["samples", *HEADINGS], lines)
    print("## Differences to the plain network, by replicate\n")
    print("A star stands where the 95 % interval of the paired difference leaves 0 out.\n")
    differences = []
    for name, metrics in scales.items():
        if name == "plain network":
            continue
        cells = []
        for metric in VERDICTS:
            row = metrics.get(metric)
            mean, low, high = (number(row[key]) if row else None for key in ("difference", "difference_low", "difference_high"))
            if mean is None:
                cells.append("-")
            else:
                star = "*" if low is not None and (low > 0 or high < 0) else ""
                cells.append(f"{mean:+.3f}{star}")
        differences.append([name, *cells])
    table(["samples", *HEADINGS], differences)


if __name__ == "__main__":
    main()
