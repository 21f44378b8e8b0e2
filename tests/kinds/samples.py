"""Makes a CSV file of any number of rows: `python -m tests.kinds.samples 1000000 rows.csv`."""

import csv
import sys
from itertools import cycle, islice
from pathlib import Path

NAMES = ("Ann", "Bob", "Zoë", "O'Neil, Cid", 'Dan "the man"')


def write_csv(path: Path, rows: int, bad_every: int = 0) -> None:
    """Rows of id, name, amount and day; one in `bad_every` has an amount that is no number."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "amount", "day"])
        for number, name in enumerate(islice(cycle(NAMES), rows), 1):
            bad = bad_every and number % bad_every == 0
            amount = "much" if bad else f"{number / 100:.2f}"
            writer.writerow([number, name, amount, f"2025-{number % 12 + 1:02}-01"])


if __name__ == "__main__":
    write_csv(Path(sys.argv[2]), int(sys.argv[1]))
