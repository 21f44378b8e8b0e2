"""No cell of a CSV file that we write is run by a spreadsheet."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from headway import spreadsheets
from jobs.csv_import.import_csv import import_csv
from tests.kinds.conftest import Store, Trial

WIDE = ["\uff1d1+1", "\uff0b1+1", "\uff0d1+1", "\uff20SUM(1)"]
RUN = ["=1+1", "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd", "+1+1", "-5+cmd|' /C calc'!A0", "-", "- 5"]
RUN += ["\tx", "\rx", "\nx", " =1+1", "\ufeff=1", "\u3000@SUM(1)", *WIDE]
NUMBERS = ["-5", "+5", "-1,234.50", "-1.234,50", "-0.5e-7", "+12%", "+49301234567"]
HARMLESS = ["", "a", "a=b", "me@example.org", "1-2", "a, b; c", "3,-5", "3; -5.25", "it's"]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_runs_is_text_to_it(text: str) -> None:
    assert spreadsheets.cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [*NUMBERS, *HARMLESS, -5, 1.5, True, None])
def test_numbers_and_plain_texts_stay_as_they_are(value: object) -> None:
    assert spreadsheets.cell(value) == value


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=1+1", "x;'=1+1"),
        ('x,"@SUM(1)"', 'x,\'"@SUM(1)"'),
        ("x\n=1", "x\n'=1"),
        ("\t=1", "'\t'=1"),
        ("x;-5+cmd|' /C calc'!A0", "x;'-5+cmd|' /C calc'!A0"),
    ],
)
def test_no_cell_begins_within_one_where_rows_are_split_elsewhere(text: str, safe: str) -> None:
    assert spreadsheets.cell(text) == safe


@given(st.lists(st.text(alphabet="=+-@\t\r\n ,;|\"'1a")), st.sampled_from(",;|\t"))
def test_no_row_holds_a_cell_that_is_run(row: list[str], delimiter: str) -> None:
    file = io.StringIO(newline="")
    spreadsheets.writer(file, delimiter=delimiter).writerow(["id", *row])
    file.seek(0)
    for cell in next(csv.reader(file, delimiter=delimiter))[1:]:
        assert cell[:1] not in tuple("=+-@\t\r\n") or cell.lstrip("+-").isdigit()


def test_rejected_rows_and_their_headers_are_no_formulas(trial: Trial, store: Store) -> None:
    trial.run(import_csv, file=store(b"=1+1,@b,c\n1,2,3\n=cmd|' /C calc'!A0,@SUM(1+1)*cmd\n-5\n"))
    text = trial.file("rejects.csv").decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["line", "reason", "'=1+1", "'@b", "c"]
    assert [row[2:] for row in rows[1:]] == [["'=cmd|' /C calc'!A0", "'@SUM(1+1)*cmd"], ["-5"]]


def test_a_setting_leaves_them_as_they_were(settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"CSV_RAW": True}
    file = io.StringIO(newline="")
    spreadsheets.writer(file).writerows([["=1+1"], ["@b"]])
    assert file.getvalue() == "=1+1\r\n@b\r\n"
