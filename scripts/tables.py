"""Markdown tables and intervals of the scripts that write results."""

# Student's t at 97.5 %, by degrees of freedom from 1 on.
T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093)


def table(heading, rows):
    """Prints a table and an empty line."""
    print("| " + " | ".join(heading) + " |")
    print("| " + " | ".join(["---"] * len(heading)) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def mean_interval(values):
    """The mean of some values and half the width of its 95 % interval; none of a single value."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, None
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    return mean, T[min(n - 1, len(T)) - 1] * (variance / n) ** 0.5
