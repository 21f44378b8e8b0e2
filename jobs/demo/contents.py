"""What the files of the demo hold."""

import csv
from collections.abc import Iterator
from hashlib import sha256
from io import StringIO

COLUMNS = ("order", "date", "amount", "customer", "country", "note")
SAMPLE = (
    f"{','.join(COLUMNS)}\n1001,2026-03-02,149.90,Ada,PT,\n1002,2026-03-02,20.00,Yusuf,TR,gift\n"
)
"""What the uploaded files of these jobs hold."""


def rejects() -> Iterator[tuple[int, str, list[str]]]:
    """Line, reason and cells of each row that could not be imported."""
    for number in range(123):
        line, date, amount = 204 + 311 * number, "2026-05-04", "12.00"
        why = "2 columns instead of 6"
        if number % 5 == 4:
            amount = f"EUR {number},00"
            why = f"amount: '{amount}' is not a number"
        elif number % 5 > 1:
            date = f"{number % 28 + 1}.13.2026"
            why = f"date: '{date}' is not a date"
        cells = [str(1000 + line), date, amount, "Ada", "PT", ""]
        yield line, why, cells[:2] if number % 5 < 2 else cells


def rejects_file() -> str:
    """The same as the result file of the import."""
    text = StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["line", "reason", *COLUMNS])
    rows.writerows([line, why, *cells] for line, why, cells in rejects())
    return text.getvalue()


def checksums() -> str:
    """A line for each of 412 files, as sha256sum writes it."""
    names = [f"docs/chapter-{number:03}.html" for number in range(411)]
    return "".join(
        f"{sha256(name.encode()).hexdigest()}  {name}\n" for name in [*names, "docs/index.html"]
    )
