"""Compares the table of README.md with the one that the run printed: the same rows and columns, and means that differ by
no more than both intervals together. The bits of a run belong to a processor's kind, so the digits may differ. Used by
walk_test.sh."""

import re
import sys


def table(path):
    with open(path) as file:
        lines = [line.strip() for line in file if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return rows[0], {row[0]: row[1:] for row in rows[1:] if len(row) == len(rows[0])}


def numbers(cell):
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", cell)]


expected_header, expected = table(sys.argv[1])
header, printed = table(sys.argv[2])
assert header == expected_header, (header, expected_header)
compared = 0
for name, cells in expected.items():
    for column, ours, theirs in zip(header[1:], cells, printed[name]):
        a, b = numbers(ours), numbers(theirs)
        assert len(a) == len(b), (name, column, ours, theirs)
        if len(a) == 2:
            assert abs(a[0] - b[0]) <= a[1] + b[1] + 1e-9, (name, column, ours, theirs)
            compared += 1
assert compared >= 15, compared
print(f"{compared} numbers of the table in README.md are those of the run, within their intervals")
