"""What is found out about a CSV file from the file alone."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.csv_import.csv_columns import column_types
from jobs.csv_import.csv_format import DELIMITERS, guess_delimiter, guess_encoding
from jobs.csv_import.csv_rows import Row, read_rows

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("name;price\nfoo;1,50\nbar;2,75\n", ";"),
        ("id;note\n1;one, two, three\n2;a, b\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\nx,y|1\n", "|"),
        ("full name\nAlice Smith\nBob Jones\n", ","),
        ("when,who\n2024-01-01 10:00:00,Ann\n", ","),
        ("a,b,c\n1,2,3\n4,5\n6,7,8\n9\n", ","),
        ('id,j\n1,"{""a"": 1; ""b"": 2}"\n2,"{""a"": 2}"\n', ","),
        ("a;b;c\n;;\n1;;3\n", ";"),
        ("a;b\n", ";"),
        ("", ","),
    ],
)
def test_the_delimiter_is_what_makes_rows_equally_wide(sample: str, delimiter: str) -> None:
    assert guess_delimiter(sample) == delimiter


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("Zoë".encode(), "utf-8"),
        ("Zoë".encode("cp1252"), "cp1252"),
        ("“quoted” €5".encode("cp1252"), "cp1252"),
        (b"\x81 caf\xe9", "latin-1"),
        ("Zoë".encode() * 9 + b"\xff" * 9, "utf-8"),
    ],
)
def test_the_encoding_is_what_most_of_the_file_decodes_in(content: bytes, encoding: str) -> None:
    halves = [content[: len(content) // 2], content[len(content) // 2 :]]
    assert guess_encoding([content]) == encoding
    assert guess_encoding(halves) == encoding
    assert guess_encoding(bytes([byte]) for byte in content) == encoding


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.5", "+3e4", ".5"], "number"),
        (["1,50", "1.234,56", "1,234.56", "1 234"], "number"),
        (["1"] * 9 + ["one"], "number"),
        (["1"] * 8 + ["one"], "text"),
        (["1", "", "n/a", " - ", "2"], "number"),
        (["01234", "99999"], "text"),
        (["2025-01-31", "2025-01-31T10:00:00Z"], "date"),
        (["31.12.2025", "12/31/2025", "1-2-2025"], "date"),
        (["31.02.2025", "00/00/2025"], "text"),
        (["12a", "13"], "text"),
        (["", "", ""], "text"),
        (["e5", "+", "."], "text"),
        ([], "text"),
    ],
)
def test_a_column_is_of_the_type_that_nine_in_ten_values_have(values: list[str], kind: str) -> None:
    rows = [Row(line, [value], 1) for line, value in enumerate(values)]
    assert column_types(rows, 1) == [kind]


@given(
    rows=st.lists(st.lists(cells, min_size=2, max_size=5), max_size=20),
    delimiter=st.sampled_from(list(DELIMITERS.values())),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_every_row_that_csv_writes_is_read_as_it_was(
    rows: list[list[str]], delimiter: str, newline: str
) -> None:
    text = io.StringIO(newline="")
    # Before Python 3.13 the writer left line breaks unquoted that its own line ends do not have.
    quoting = csv.QUOTE_MINIMAL if newline == "\r\n" else csv.QUOTE_ALL
    how: dict[str, Any] = {"delimiter": delimiter, "lineterminator": newline, "quoting": quoting}
    csv.writer(text, **how).writerows(rows)
    text.seek(0)
    read = list(read_rows(text, delimiter))
    assert [row.cells for row in read] == rows
    assert not any(row.problem for row in read)
    lines = [row.line for row in read]
    assert lines == sorted(set(lines))


@given(text=st.text(st.sampled_from('a",\n\r\0é\udcff'), max_size=60))
def test_whatever_the_text_every_line_comes_back_once(text: str) -> None:
    read = list(read_rows(io.StringIO(text, newline=""), ","))
    lines = [row.line for row in read]
    assert lines == sorted(set(lines))
    letters = sum(cell.count("a") for row in read for cell in row.cells)
    assert letters == text.count("a")
