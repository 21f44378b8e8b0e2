"""What stands beside the panel of a job's page: results, files, inputs, attempts."""

from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client, override_settings

from headway.models import Job, Status, result_path
from headway.web.readable import MAX_COLUMNS, MAX_ROWS, readable
from tests.pages.conftest import MakeJob

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
FILES = {
    "rows.csv": b"\xef\xbb\xbfname;amount\r\n" + b"<b>;1\r\n" * 30,
    "cut.csv": b"a,b\n" + b"1,2\n" * 20_000,
    "picture.png": PNG,
    "script.png": b"<svg onload=alert(1)>",
    "binary.csv": b"\0\1\2",
}


@pytest.fixture
def job(make_job: MakeJob) -> Iterator[Job]:
    """That left files behind."""
    job = make_job(Status.SUCCEEDED, files=[*FILES])
    paths = [
        default_storage.save(result_path(job.pk, 1, name), ContentFile(content))
        for name, content in FILES.items()
    ]
    yield job
    for path in paths:
        default_storage.delete(path)


def page_of(client: Client, job: Job) -> str:
    return client.get(job.get_absolute_url()).content.decode()


def test_a_list_of_objects_is_a_table() -> None:
    rejected = [{"line": 1, "why": "<b>"}, {"line": 2, "at": 1.5}]
    found = readable({"ok": 3, "rejected_rows": rejected})
    assert found.rows == [("Ok", "3")]
    [table] = found.tables
    assert (table.label, table.head) == ("Rejected rows", ["Line", "Why", "At"])
    assert table.rows == [["1", "<b>", ""], ["2", "", "1.5"]]
    wide = readable([{str(n): n for n in range(MAX_COLUMNS + 5)}] * (MAX_ROWS + 7)).tables[0]
    assert (len(wide.rows), wide.more, len(wide.head), wide.more_columns) == (
        *(MAX_ROWS, 7, MAX_COLUMNS, 5),
    )
    assert readable({"a": [1, {"b": 2}]}).text
    assert not readable(None)


def test_a_long_text_is_cut(alices: Client, make_job: MakeJob) -> None:
    page = page_of(alices, make_job(Status.SUCCEEDED, result="x" * 1_000_000))
    assert "800,000 more characters are left out." in page
    assert len(page) < 260_000


def test_the_first_rows_of_a_csv_file_are_shown(alices: Client, job: Job) -> None:
    page = page_of(alices, job)
    assert '<th scope="col">name</th><th scope="col" class="digits">amount</th>' in page
    assert page.count('<td>&lt;b&gt;</td><td class="digits">1</td>') == 10
    assert "And 20 more rows." in page
    assert "The first rows." in page  # of what is too long to be read
    assert page.count('class="data"') == 2
    assert "Kept until " in page


def test_how_long_files_are_kept_is_by_their_rule(alices: Client, job: Job) -> None:
    assert job.finished_at
    day = job.finished_at + timedelta(days=3)
    with override_settings(HEADWAY={"RETENTION": {"simulate/succeeded": 3}}):
        assert f"Kept until {day.day} " in page_of(alices, job)


def test_only_images_are_shown(alices: Client, bobs: Client, job: Job) -> None:
    """By their content: a name says nothing."""
    url = f"/jobs/{job.pk}/files/picture.png/"
    assert f'<img src="{url}?show"' in page_of(alices, job)
    shown = alices.get(f"{url}?show")
    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert shown["Content-Disposition"].startswith("inline")
    assert shown.getvalue() == PNG
    downloaded = alices.get(url)
    assert downloaded["Content-Disposition"].startswith("attachment")
    assert downloaded.getvalue() == PNG
    for other in ("script.png", "rows.csv"):
        answer = alices.get(f"/jobs/{job.pk}/files/{other}/?show")
        assert answer.status_code == HTTPStatus.NOT_FOUND
    assert bobs.get(f"{url}?show").status_code == HTTPStatus.NOT_FOUND


def test_what_differs_from_the_defaults_comes_first(alices: Client, make_job: MakeJob) -> None:
    params = {"steps": 100, "fail_at": 60, "token": "••••••", "unknown_total": False, "gone": ""}
    page = page_of(alices, make_job(params=params))
    rows = page[page.index('class="inputs"') :]
    assert rows.index("Fail at percent") < rows.index("Steps")
    assert '<tr class="differs"><th scope="row">Fail at percent</th>' in rows
    assert '<tr><th scope="row">Unknown total</th>' in rows


def test_tracebacks_are_for_staff_with_the_permission(
    alices: Client, staffs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED, attempt=2)
    job.attempts.filter(number=1).update(error="Traceback: secret/<path>.py")
    assert "secret/" not in page_of(alices, job)
    page = page_of(staffs, job)
    assert "Traceback of attempt 1" in page
    assert "secret/&lt;path&gt;.py" in page
    assert "Traceback of attempt 2" not in page


def test_a_policy_that_fails_shows_no_traceback(
    staffs: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bool:
        raise RuntimeError

    monkeypatch.setattr("headway.policy.Policy.may_see_tracebacks", fails)
    job = make_job(Status.FAILED)
    job.attempts.update(error="secret/path.py")
    assert "secret/path.py" not in page_of(staffs, job)


def test_a_list_says_why_a_job_waits(alices: Client, make_job: MakeJob) -> None:
    make_job(Status.QUEUED)
    assert ">No worker is running</span>" in alices.get("/").content.decode()


def test_staff_alone_learn_which_worker_had_an_attempt(
    alices: Client, staffs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED)
    job.attempts.update(worker="celery@machine-7/1")
    assert "machine-7" not in page_of(alices, job)
    assert "machine-7" in page_of(staffs, job)
    assert "machine-7" in staffs.get(f"/admin/headway/job/{job.pk}/change/").content.decode()
