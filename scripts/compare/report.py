"""Rows of measurements, and tables of their medians in Markdown."""

import csv
import os
import statistics


class Rows:
    """Tidy: one value a row."""

    KEYS = ["case", "implementation", "threads", "round", "quantity", "value"]

    def __init__(self):
        self.rows = []

    def add(self, case, implementation, threads, number, answer):
        for quantity, value in answer.items():
            self.rows.append((case, implementation, threads, number, quantity, value))

    def values(self, case, implementation, threads, quantity="microseconds"):
        return list(self.by_round(case, implementation, threads, quantity).values())

    def median(self, case, implementation, threads, quantity="microseconds"):
        """NaN if it was not measured."""
        values = self.values(case, implementation, threads, quantity)
        return statistics.median(values) if values else float("nan")

    def ratio(self, case, above, below, quantity="microseconds"):
        """Median over rounds of one variant's value over another's in the same round, a variant being (implementation,
        threads): the machine's speed changes by half within seconds, but seldom between neighbours."""
        by_round = [self.by_round(case, *above, quantity), self.by_round(case, *below)]
        both = [by_round[0][i] / by_round[1][i] for i in by_round[0] if i in by_round[1]]
        return statistics.median(both) if both else float("nan")

    def fastest(self, case, above, below, quantity="microseconds"):
        """The same of each one's fastest round."""
        values = [self.values(case, *above, quantity), self.values(case, *below)]
        return min(values[0]) / min(values[1]) if all(values) else float("nan")

    def by_round(self, case, implementation, threads, quantity="microseconds"):
        found = (case, implementation, threads, quantity)
        return {r[3]: r[5] for r in self.rows if (r[0], r[1], r[2], r[4]) == found}

    def write(self, path):
        with whole(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(self.KEYS)
            writer.writerows(self.rows)


class whole:
    """A text file that appears whole or not at all."""

    def __init__(self, path):
        self.path, self.aside = path, f"{path}.partial"

    def __enter__(self):
        self.file = open(self.aside, "w", encoding="utf-8", newline="")
        return self.file

    def __exit__(self, kind, *_):
        self.file.close()
        if kind is None:
            os.replace(self.aside, self.path)


def number(value, digits=3):
    """Three significant digits without an exponent; empty for what was not measured."""
    if value != value:
        return ""
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:#.{digits}g}"
    return f"{float(text):.10f}".rstrip("0").rstrip(".") if "e" in text else text.rstrip(".")


def table(header, rows, texts=1):
    """A Markdown table; all columns but the first `texts` to the right."""
    lines = [header, ["---"] * texts + ["---:"] * (len(header) - texts), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def between_markers(path, name, text):
    """Puts text between `<!-- name -->` and `<!-- /name -->` of a file."""
    with open(path, encoding="utf-8") as file:
        content = file.read()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, rest = content.split(begin)
    _, after = rest.split(end)
    with whole(path) as file:
        file.write(before + begin + text.strip() + "\n" + end + after)
