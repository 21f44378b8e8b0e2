"""Import CSV on files as people have them."""

import csv
import io

import pytest

from headway import JobError
from headway.models import Job, Status
from jobs.csv_import import import_csv as import_csv_module
from jobs.csv_import.import_csv import BATCH_ROWS, ENCODING_CHOICES, import_csv
from jobs.models import ImportedRow
from tests.kinds.conftest import Store, Trial


def data_of(job: Job) -> list[dict[str, str]]:
    return [row.data for row in ImportedRow.objects.filter(job=job)]


def rejects_of(trial: Trial, delimiter: str = ",") -> list[list[str]]:
    text = trial.file("rejects.csv").decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_rows_are_stored_under_their_line_number(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b"name,age\nAnn,41\n\nBob,7\n"))
    assert result == {
        "rows": 2,
        "rejected": 0,
        "columns": ["name", "age"],
        "types": ["text", "number"],
        "delimiter": ",",
        "encoding": "utf-8",
    }
    rows = ImportedRow.objects.filter(job=trial.job).values_list("line", "data")
    assert list(rows) == [(2, {"name": "Ann", "age": "41"}), (4, {"name": "Bob", "age": "7"})]
    assert trial.warnings == []
    assert trial.progress.files == []


def test_bad_rows_become_warnings_and_a_file_of_rejects(trial: Trial, store: Store) -> None:
    content = b"name;age\nAnn;41\nBob\n;\nCid;3;4\n" + b"Dan;5\n" * 20 + b"Eve;old\n"
    result = trial.run(import_csv, file=store(content))
    assert (result["rows"], result["rejected"]) == (21, 4)
    assert trial.warnings == [
        "line 3: it has 1 column instead of 2",
        "line 4: every cell is blank",
        "line 5: it has 3 columns instead of 2",
        "line 26: age: 'old' is not a number",
    ]
    assert rejects_of(trial, ";") == [
        ["line", "reason", "name", "age"],
        ["3", "it has 1 column instead of 2", "Bob"],
        ["4", "every cell is blank", "", ""],
        ["5", "it has 3 columns instead of 2", "Cid", "3", "4"],
        ["26", "age: 'old' is not a number", "Eve", "old"],
    ]


def test_a_file_of_nothing_but_bad_rows_fills_no_disk(
    trial: Trial, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_csv_module, "MAX_REJECTS", 3)
    result = trial.run(import_csv, file=store(b"a,b\n1,2\n" + b"x\n" * 50))
    assert (result["rows"], result["rejected"]) == (1, 50)
    assert [row[0] for row in rejects_of(trial)] == ["line", "3", "4", "5", "6"]
    assert rejects_of(trial)[-1][1].startswith("Only the first 3 rejected rows are kept")


def test_a_file_of_short_rows_fills_no_database(
    trial: Trial, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_csv_module, "MAX_ROWS", 20)
    monkeypatch.setattr(import_csv_module, "BATCH_ROWS", 20)
    with pytest.raises(JobError, match="more than 20 rows; those before line 22 are imported"):
        trial.run(import_csv, file=store(b"a,b\n" + b"1,2\n" * 50))
    assert ImportedRow.objects.filter(job=trial.job).count() == 20


def test_cells_may_hold_delimiters_quotes_and_line_breaks(trial: Trial, store: Store) -> None:
    content = b'id,text\r\n1,"a, ""b""\r\nc"\r\n2,d\r\n'
    trial.run(import_csv, file=store(content))
    rows = ImportedRow.objects.filter(job=trial.job).values_list("line", "data")
    assert list(rows) == [
        (2, {"id": "1", "text": 'a, "b"\r\nc'}),
        (4, {"id": "2", "text": "d"}),
    ]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-32", "utf-32"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_found_out(
    trial: Trial, store: Store, encoding: str, found: str, newline: str
) -> None:
    text = newline.join(["Stadt;Preis", "Köln;1,50", "Münster;2,75", ""])
    result = trial.run(import_csv, file=store(text.encode(encoding)))
    assert (result["encoding"], result["delimiter"]) == (found, ";")
    assert data_of(trial.job) == [
        {"Stadt": "Köln", "Preis": "1,50"},
        {"Stadt": "Münster", "Preis": "2,75"},
    ]


def test_the_first_accent_may_come_after_megabytes_of_ascii(trial: Trial, store: Store) -> None:
    content = b"name\n" + (b"x" * 5000 + b"\n") * 300 + "Zoë\n".encode("cp1252")
    result = trial.run(import_csv, file=store(content))
    assert result["encoding"] == "cp1252"
    assert data_of(trial.job)[-1] == {"name": "Zoë"}


def test_what_is_chosen_in_the_form_is_not_guessed(trial: Trial, store: Store) -> None:
    content = "день|ц, ж\nЮлия|1, 2\n".encode("cp1251")
    chosen = {"delimiter": "pipe", "encoding": "cp1251", "no_header": True, "text_only": True}
    result = trial.run(import_csv, file=store(content), **chosen)
    assert result["types"] == ["text", "text"]
    assert data_of(trial.job) == [
        {"column 1": "день", "column 2": "ц, ж"},
        {"column 1": "Юлия", "column 2": "1, 2"},
    ]


@pytest.mark.parametrize("encoding", [name for name in ENCODING_CHOICES if name])
def test_every_encoding_on_offer_is_read(trial: Trial, store: Store, encoding: str) -> None:
    result = trial.run(import_csv, file=store("a;b\n1;x\n".encode(encoding)), encoding=encoding)
    assert (result["encoding"], result["rows"]) == (encoding, 1)


def test_a_byte_order_mark_overrules_the_form(trial: Trial, store: Store) -> None:
    content = "a;b\nä;x\n".encode("utf-16")
    result = trial.run(import_csv, file=store(content), encoding="cp1252")
    assert data_of(trial.job) == [{"a": "ä", "b": "x"}]
    assert result["encoding"] == "utf-16"


def test_excels_separator_line_is_obeyed(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b"sep=|\r\na|b\r\n1|2\r\n"))
    assert result["delimiter"] == "|"
    assert data_of(trial.job) == [{"a": "1", "b": "2"}]


def test_an_odd_header_still_gives_every_column_a_name(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b" id ,,id,id 2,\n1,2,3,4,5\n"))
    assert result["columns"] == ["id", "column 2", "id 2", "id 2 2", "column 5"]


def test_a_header_alone_is_a_success_without_rows(trial: Trial, store: Store) -> None:
    result = trial.run(import_csv, file=store(b"a,b\n"))
    assert (result["rows"], result["rejected"], result["columns"]) == (0, 0, ["a", "b"])


def test_a_retry_neither_stores_a_row_twice_nor_loses_a_reject(trial: Trial, store: Store) -> None:
    good = "".join(f"{number},x\n" for number in range(BATCH_ROWS))
    name = store(f"id,name\nbad\n{good}{good}worse\n".encode())
    first = trial.run(import_csv, file=name)
    kept = ImportedRow.objects.filter(job=trial.job, line__lte=BATCH_ROWS + 2)
    assert kept.count() == BATCH_ROWS
    ImportedRow.objects.filter(job=trial.job, line__gt=BATCH_ROWS + 2).delete()
    trial.progress.checkpoint({"line": BATCH_ROWS + 2})  # as if it had died here
    Job.objects.filter(pk=trial.job.pk).update(status=Status.QUEUED)

    again = Trial(trial.job)
    assert again.run(import_csv, file=name) == first
    assert ImportedRow.objects.filter(job=trial.job).count() == 2 * BATCH_ROWS
    assert rejects_of(again) == rejects_of(trial)


def test_progress_counts_the_kilobytes_read(trial: Trial, store: Store) -> None:
    content = b"id\n" + b"12345\n" * 20_000
    trial.run(import_csv, file=store(content))
    motion = trial.reporter.progress()
    assert motion["current"] == motion["total"] == len(content) / 1000
    assert motion["message"] == "line 20,001"


def test_a_plain_call_checks_the_file_and_stores_nothing(db: None, store: Store) -> None:
    del db
    assert import_csv(file=store(b"a\n1\n"))["rows"] == 1
    assert not ImportedRow.objects.exists()
