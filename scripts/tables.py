"""Markdown tables of the scripts that write results."""


def table(heading, rows):
    """Prints a table and an empty line."""
    print("| " + " | ".join(heading) + " |")
    print("| " + " | ".join(["---"] * len(heading)) + " |")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()
