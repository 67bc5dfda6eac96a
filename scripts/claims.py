#!/usr/bin/env python3
"""Prints the tables of results/claims/README.md from the summaries of the runs: `claims.py FOLDER NAME ...`."""

import csv
import sys
from pathlib import Path

from tables import table

RECIPES = ("ica_kde", "sharper", "gaussianized")
# Along its independent components each of these is a product; a turned grid is one, a ring is none.
PRODUCTS = {"grid4", "wide4", "shapes_four", "shapes_diagonal2", "shapes_grid9"}


class Study:
    def __init__(self, path):
        self.rows = {}
        if not path.exists():
            return
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                rescale = row.get("diffusion.rescale", "true") or "true"
                self.rows[row["pipeline"], rescale, row["metric"]] = row

    def number(self, pipeline, rescale, metric, column="mean"):
        row = self.rows.get((pipeline, rescale, metric))
        return None if row is None or row[column] == "" else float(row[column])

    def value(self, pipeline, rescale, metric, digits=3):
        mean = self.number(pipeline, rescale, metric)
        if mean is None:
            return ""
        high = self.number(pipeline, rescale, metric, "interval_high")
        return f"{mean:.{digits}f}" + ("" if high is None else f" +- {high - mean:.{digits}f}")

    def difference(self, pipeline, rescale, metric):
        """Mean, low and high of the paired difference to the baseline."""
        columns = ("baseline_difference", "baseline_difference_low", "baseline_difference_high")
        found = [self.number(pipeline, rescale, metric, column) for column in columns]
        return None if None in found else found

    def difference_text(self, pipeline, rescale, metric, digits=3):
        found = self.difference(pipeline, rescale, metric)
        if found is None:
            return ""
        mean, low, high = found
        text = f"{mean:+.{digits}f} +- {high - mean:.{digits}f}"
        return f"**{text}**" if low > 0 or high < 0 else text


def verdict(difference, bound):
    """Whether a paired difference is above a bound."""
    if difference is None:
        return ""
    _, low, high = difference
    return "holds" if low > bound else "fails" if high < bound else "open"


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    narrow = {name: Study(folder / name / "summary.csv") for name in names}
    wide = {name: Study(folder / f"{name}-wide" / "summary.csv") for name in names}

    print("## Claim 2 at a glance: the log-likelihood minus the baseline's, width 16\n")
    heading = ["mixture", "product", "rescale", *RECIPES, "exact", "claim 2, paper's recipe", "claim 2, our map"]
    rows = []
    for name in names:
        for rescale in ("true", "false"):
            study = narrow[name]
            differences = [study.difference_text(p, rescale, "log_likelihood") for p in (*RECIPES, "exact")]
            verdicts = [verdict(study.difference(p, rescale, "log_likelihood"), 0.0) for p in ("ica_kde", "gaussianized")]
            rows.append([name, "yes" if name in PRODUCTS else "no", rescale, *differences, *verdicts])
    table(heading, rows)

    for metric, title in (("sliced_w2", "sliced W2"), ("mode_error", "mode error")):
        print(f"## The same for the {title}, with rescaled betas; lower is better\n")
        heading = ["mixture", "real points", "baseline", *(f"{p}, minus baseline" for p in RECIPES)]
        heading += [f"{p}, map alone, minus baseline" for p in RECIPES] + ["exact, minus baseline"]
        rows = []
        for name in names:
            study = narrow[name]
            row = [name, study.value("data", "true", metric), study.value("baseline", "true", metric)]
            row += [study.difference_text(p, "true", metric) for p in RECIPES]
            row += [study.difference_text(p, "true", f"first_{metric}") for p in RECIPES]
            rows.append(row + [study.difference_text("exact", "true", metric)])
        table(heading, rows)

    if not any(study.rows for study in wide.values()):
        print("The networks of width 128 were left out here (`CLAIMS_WIDE=no`), so claim 3 is empty.\n")
    print("## Claims 1 and 3, with rescaled betas\n")
    heading = ["mixture", "pipeline", "log-likelihood of the map alone", "at step 20", "at the end, width 16", "real points"]
    heading += ["claim 1", "width 128, minus baseline", "claim 3"]
    rows = []
    for name in names:
        study = narrow[name]
        for pipeline in ("ica_kde", "gaussianized"):
            fifth = study.number(pipeline, "true", "fifth_log_likelihood")
            end = study.number(pipeline, "true", "log_likelihood")
            claim = "holds" if abs(fifth - end) <= 0.1 else f"fails ({abs(fifth - end):.2f} away)"
            names_of = ("first_log_likelihood", "fifth_log_likelihood", "log_likelihood")
            row = [name, pipeline, *(study.value(pipeline, "true", metric) for metric in names_of)]
            row += [study.value("data", "true", "log_likelihood"), claim]
            row.append(wide[name].difference_text(pipeline, "true", "log_likelihood"))
            rows.append(row + [verdict(wide[name].difference(pipeline, "true", "log_likelihood"), -0.05)])
    table(heading, rows)

    print("## The sentence against the measurements\n")
    heading = ["predicted", "holds", "open", "fails", "where it is wrong"]
    rows = []
    for predicted in (True, False):
        count = {"holds": [], "open": [], "fails": []}
        for name in names:
            for rescale in ("true", "false"):
                if (name in PRODUCTS or rescale == "false") == predicted:
                    found = verdict(narrow[name].difference("ica_kde", rescale, "log_likelihood"), 0.0)
                    count[found].append(f"{name} (rescale {rescale})")
        wrong = count["fails" if predicted else "holds"]
        rows.append(["holds" if predicted else "does not hold", *(str(len(count[k])) for k in count), ", ".join(wrong) or "nowhere"])
    table(heading, rows)


if __name__ == "__main__":
    main()
