"""The table of scripts/images_table.sh, in Markdown to standard output, from metrics.csv and metrics.json of a study and the
tables of `gdiff controls`.

    images_table.py STUDY CONTROLS-pixels.csv CONTROLS-features.csv COMMAND
"""

import csv
import json
import sys

from tables import mean_interval, table

METRICS = ["frechet", "precision", "recall", "density", "coverage", "feature_precision", "feature_recall", "feature_density", "feature_coverage"]
HEADINGS = ["Frechet", "P", "R", "D", "C", "P, features", "R, features", "D, features", "C, features"]
LAMBDA, CONTROL = "train.isotropy.lambda", "train.isotropy.control"


def cell(mean, half):
    return f"{mean:.3f}" if half is None else f"{mean:.3f} +- {half:.3f}"


def rows(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.DictReader(file))


def main():
    study, pixels, features, command = sys.argv[1:]
    # Of each setting and replicate, the row of the last step.
    last = {}
    for row in rows(f"{study}/metrics.csv"):
        last[(float(row[LAMBDA]), row[CONTROL] == "true"), int(row["replicate"])] = row
    settings = sorted({setting for setting, _ in last})
    replicates = sorted({replicate for _, replicate in last})
    values = {
        setting: {m: [float(last[setting, r][m]) for r in replicates] for m in METRICS} for setting in settings
    }
    names = {
        setting: ("plain network" if setting[0] == 0 else f"lambda = {setting[0]:g}" + (", control" if setting[1] else ""))
        for setting in settings
    }
    with open(f"{study}/metrics.json", encoding="utf-8") as file:
        data = next(iter(json.load(file)["data"].values()))
    with open(f"{study}/provenance.json", encoding="utf-8") as file:
        provenance = json.load(file)
    print(f"# {study.split('/')[-1]}: lambda, and one number, on images\n")
    print(f"`{command}`. {len(replicates)} replicates, each with its own deal of the images; `+-` is half the width of a 95 % interval. "
          "P, R, D, C are precision, recall, density and coverage, in pixels and in the features of the spec's `[features]`. A control is "
          "the plain network whose output is multiplied by the s that its lambda asks for; `real images, ...` are fresh real images made "
          "worse by `gdiff controls`. Frechet distances are in those features.\n")
    print(f"Made on {provenance['threads']} threads of an {provenance['cpu']} in {provenance['seconds'] / 60:.1f} minutes.\n")
    half = [None if f"{m}_low" not in data else 0.5 * (data[f"{m}_high"] - data[f"{m}_low"]) for m in METRICS]
    lines = [["fresh real images", *(cell(data[m], h) for m, h in zip(METRICS, half))]]
    lines += [[names[s], *(cell(*mean_interval(values[s][m])) for m in METRICS)] for s in settings]
    extra = {}
    for path, prefix in ((pixels, ""), (features, "feature_")):
        for row in rows(path):
            own = extra.setdefault(row["control"], {})
            own.update({prefix + metric: row[metric] for metric in ("precision", "recall", "density", "coverage")})
            if prefix:
                own["frechet"] = row["frechet"]
    lines += [[f"real images, {name}", *(f"{float(own[m]):.3f}" for m in METRICS)] for name, own in extra.items() if name != "fresh"]
    table(["samples", *HEADINGS], lines)

    def differences(title, pairs):
        print(f"## {title}\n")
        print("Means of the differences by replicate; a star where their 95 % interval leaves 0 out.\n")
        out = []
        for name, a, b in pairs:
            cells = []
            for metric in METRICS:
                mean, half = mean_interval([x - y for x, y in zip(values[a][metric], values[b][metric])])
                cells.append(f"{mean:+.3f}" + ("*" if half is not None and abs(mean) > half else ""))
            out.append([name, *cells])
        table(["samples", *HEADINGS], out)

    plain = (0.0, False)
    differences("Minus the plain network", [(names[s], s, plain) for s in settings if s != plain])
    pairs = [(f"lambda = {s[0]:g}", s, (s[0], True)) for s in settings if not s[1] and (s[0], True) in values]
    differences("The loss minus its control: what lambda does that one number does not", pairs)


if __name__ == "__main__":
    main()
