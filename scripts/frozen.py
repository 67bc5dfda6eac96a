"""Compares the tables of two folders of studies cell by cell, as text. Columns are matched by name, rows by their
order within what both have; rows of summary.csv by pipeline, sweep values and metric. Used by frozen.sh."""

import csv
import pathlib
import sys

TABLES = ["metrics.csv", "loss.csv", "isotropy.csv", "gaussianizer.csv", "summary.csv"]


def read(path):
    with open(path, newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def without_hash(run):
    """A run's name without the hash of its spec, which names a folder and is no result."""
    parts = run.split("-")
    return "-".join(parts[:2])


def records(path, columns):
    header, rows = read(path)
    at = [header.index(column) for column in columns]
    cut = lambda column, cell: without_hash(cell) if column == "run" else cell
    return [tuple(cut(column, row[i]) for column, i in zip(columns, at)) for row in rows]


def compare(before, after, name):
    """The differences of one table, as sentences; and what only one of the two has."""
    columns_before, columns_after = read(before)[0], read(after)[0]
    common = [column for column in columns_before if column in columns_after]
    news = [f"column {c}" for c in columns_after if c not in columns_before]
    lost = [f"column {c} is gone" for c in columns_before if c not in columns_after]
    a, b = records(before, common), records(after, common)
    if name == "summary.csv":
        end = common.index("metric") + 1
        keys = {row[:end] for row in a}
        news += sorted({f"metric {row[end - 1]}" for row in b if row[:end] not in keys})
        b = [row for row in b if row[:end] in keys]
    if len(a) != len(b):
        lost.append(f"{len(a)} rows became {len(b)}")
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            lost.append(f"row {i + 1}: {dict(zip(common, x))} became {dict(zip(common, y))}")
            break
    return lost, news


def main():
    before, after = (pathlib.Path(argument) for argument in sys.argv[1:3])
    failed, extended, count = False, set(), 0
    for study in sorted(path.name for path in before.iterdir()):
        for table in TABLES:
            count += 1
            lost, news = compare(before / study / table, after / study / table, table)
            extended.update(f"{table}: {new}" for new in news)
            for sentence in lost:
                failed = True
                print(f"{study}/{table}: {sentence}")
    for new in sorted(extended):
        print(f"new: {new}")
    print(f"{count} tables compared, " + ("which differ" if failed else "the same bytes"))
    sys.exit(failed)


main()
