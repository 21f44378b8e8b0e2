"""Files that are not CSV, or not quite."""

import io
import zipfile
import zlib

import pytest

from headway import JobError
from jobs.csv_import import csv_rows
from jobs.csv_import.import_csv import import_csv
from jobs.models import ImportedRow
from tests.kinds.conftest import Store, Trial
from tests.kinds.test_importing_csv import data_of, rejects_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89"


def a_workbook() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n\r\n\n", "The file has no rows"),
        (b"\n  \n\na,b\n1,2\n", "Line 2, the first row, is blank."),
        (PNG, "This is a PNG picture, not a CSV file"),
        (a_workbook(), "This is an Excel workbook or a ZIP archive"),
        (zlib.compress(bytes(range(256)) * 9), "This is a binary file"),
        (b"a,b\n1,\0\n", "This is a binary file"),
        ("a,b\n1,2\n".encode("utf-16-le"), "If it is UTF-16 text without"),
        (b"x" * 400_000, "The first line has more than 262,144 characters"),
        (b"," * 3000, "The first row has 3,001 columns; at most 2,000."),
        (b'"name\nAnn\n', "Line 1, the first row, cannot be used: a quote is opened"),
        (b"\xffname\nAnn\n\xc3\xa9\n\xc3\xa9\n", "bytes that are wrong in the file's encoding"),
    ],
)
def test_what_is_no_csv_is_refused_with_a_sentence(
    trial: Trial, store: Store, content: bytes, sentence: str
) -> None:
    with pytest.raises(JobError) as refused:
        trial.run(import_csv, file=store(content))
    assert sentence in str(refused.value)


def test_a_file_that_is_gone_is_a_sentence(trial: Trial) -> None:
    with pytest.raises(JobError, match="no longer exists"):
        trial.run(import_csv, file="uploads/gone.csv")


def test_a_file_none_of_whose_rows_fit_fails_and_keeps_the_rejects(
    trial: Trial, store: Store
) -> None:
    with pytest.raises(JobError, match="None of the rows could be imported"):
        trial.run(import_csv, file=store(b"a,b\n1\n2\n"))
    assert len(rejects_of(trial)) == 3


def test_an_unclosed_quote_costs_its_own_line_only(trial: Trial, store: Store) -> None:
    tail = "".join(f"{number},fine\n" for number in range(3, 20_000))
    result = trial.run(import_csv, file=store(f'id,name\n1,x\n2,"open\n{tail}'.encode()))
    assert (result["rows"], result["rejected"]) == (19_998, 1)
    assert rejects_of(trial)[1] == ["3", "a quote is opened and never closed", '2,"open']
    assert ImportedRow.objects.filter(job=trial.job).last().line == 20_000  # type: ignore[union-attr]  # fails if None


def test_a_file_cut_off_within_quotes_loses_no_whole_row(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b'id,name\n1,x\n2,y\n3,"cut'))
    assert (result["rows"], result["rejected"]) == (2, 1)
    assert trial.warnings == ["line 4: a quote is opened and never closed"]


def test_text_after_a_closing_quote_is_rejected(trial: Trial, store: Store) -> None:
    trial.run(import_csv, file=store(b'id,name\n1,"a"b\n2,c\n'))
    assert trial.warnings == ["line 2: there is text after a closing quote"]
    assert data_of(trial.job) == [{"id": "2", "name": "c"}]


def test_a_file_full_of_open_quotes_is_given_up(
    trial: Trial, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_rows, "MAX_ROW", 1 << 16)
    monkeypatch.setattr(csv_rows, "MAX_REREAD", 1 << 20)
    with pytest.raises(JobError, match="Too many quotes are opened and never closed"):
        trial.run(import_csv, file=store(b"a,b\n" + b'c","d\n' * 100_000))


def test_bytes_that_are_wrong_in_the_encoding_are_kept_readable(trial: Trial, store: Store) -> None:
    content = "name\nZoë\nRené\n".encode() + b"caf\xe9\n" + "Noël\n".encode()
    result = trial.run(import_csv, file=store(content))
    assert (result["encoding"], result["rows"], result["rejected"]) == ("utf-8", 3, 1)
    reason = "it has bytes that are wrong in the file's encoding"
    assert rejects_of(trial)[1] == ["4", reason, "caf\\xe9"]


def test_half_a_utf16_character_at_the_end_is_rejected(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store("name\nAnn\nBo".encode("utf-16") + b"\x41"))
    assert (result["rows"], result["rejected"]) == (1, 1)


def test_a_nul_deep_in_the_file_is_rejected(trial: Trial, store: Store) -> None:
    content = b"name\n" + b"x" * 300_000 + b"\n" + b"\0\nfine\n"
    trial.run(import_csv, file=store(content, "uploads/nul.csv"), text_only=True)
    assert trial.warnings[-1] == "line 3: it has a NUL character"
    assert data_of(trial.job) == [{"name": "fine"}]


@pytest.mark.parametrize(("length", "reason"), [(200_000, "a cell is"), (3_000_000, "the line is")])
def test_what_is_too_long_is_rejected_and_the_rest_imported(
    trial: Trial, store: Store, length: int, reason: str
) -> None:
    result = trial.run(import_csv, file=store(b"a\n1\n" + b"x" * length + b"\n2\n"))
    assert (result["rows"], result["rejected"]) == (2, 1)
    assert trial.warnings[0].startswith(f"line 3: {reason} longer than 1")
    assert rejects_of(trial)[1][2] == "x" * 1000 + "..."


def test_a_long_line_within_an_open_quote_costs_both_lines_only(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b'a\n1\n"b\n' + b"x" * 3_000_000 + b"\n2\n"))
    assert (result["rows"], result["rejected"]) == (2, 2)
    assert [row.line for row in ImportedRow.objects.filter(job=trial.job)] == [2, 5]
