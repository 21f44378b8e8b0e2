"""What the page of a job that ended badly offers: what happened, and what can help."""

from http import HTTPStatus

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from headway import InputError, JobError
from headway.kinds import registry
from headway.kinds.masking import Mask
from headway.lifecycle import actions
from headway.models import Job, Status
from headway.worker.outcome import failed
from tests.pages.conftest import MakeJob

ENDED = {"status": Status.FAILED, "reason": "This is a PNG picture."}


@pytest.fixture
def imported(alice: User) -> Job:
    """A job with an upload, which was refused."""
    upload = SimpleUploadedFile("orders.csv", b"a,b\n1,2\n")
    job = actions.start("import-csv", {"file": upload, "no_header": True}, owner=alice)
    Job.objects.filter(pk=job.pk).update(refused=True, **ENDED)
    return job


@pytest.mark.parametrize(
    ("error", "refused"), [(InputError("No."), True), (JobError("No."), False)]
)
def test_whether_the_input_was_refused_is_kept(error: JobError, refused: bool) -> None:
    assert failed(error, "No.", Mask()).refused == refused


def test_retry_is_offered_only_where_it_can_help(alices: Client, make_job: MakeJob) -> None:
    for refused in (False, True):
        job = make_job(Status.FAILED, reason="No.", refused=refused)
        page = alices.get(job.get_absolute_url()).content.decode()
        assert (f"/jobs/{job.pk}/retry/" in page) != refused
        assert f"/jobs/start/simulate/?like={job.pk}" in page
    gone = make_job(Status.FAILED, kind="gone")
    assert "/retry/" not in alices.get(gone.get_absolute_url()).content.decode()


def test_fix_and_start_again_keeps_the_uploaded_file(alices: Client, imported: Job) -> None:
    form = alices.get(f"/jobs/start/import-csv/?like={imported.pk}").content.decode()
    assert "orders.csv is kept." in form
    assert f'name="start-like" value="{imported.pk}"' in form
    assert f'<p class="crumb"><a href="{imported.get_absolute_url()}">' in form
    assert f"It failed: <bdi>{ENDED['reason']}</bdi>" in form
    answer = alices.post("/jobs/start/import-csv/", {"start-like": imported.pk, "delimiter": ""})
    assert answer.status_code == HTTPStatus.SEE_OTHER
    job = Job.objects.exclude(pk=imported.pk).get()
    assert job.params["file"] == f"uploads/{job.pk}/orders.csv"
    with default_storage.open(job.params["file"]) as file:
        assert file.read() == b"a,b\n1,2\n"
    other = {"start-like": imported.pk, "file": SimpleUploadedFile("new.csv", b"x")}
    alices.post("/jobs/start/import-csv/", other)
    assert Job.objects.latest("created_at").params["file"].endswith("/new.csv")


def test_nobody_starts_with_the_file_of_somebody_else(bobs: Client, imported: Job) -> None:
    answer = bobs.post("/jobs/start/import-csv/", {"start-like": imported.pk})
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert Job.objects.count() == 1


def test_a_file_outside_of_the_jobs_own_uploads_is_never_kept(
    alices: Client, imported: Job, make_job: MakeJob
) -> None:
    for path in (imported.params["file"], "uploads/../secret", 7):
        job = make_job(Status.FAILED, kind="import-csv", params={"file": path})
        form = alices.get(f"/jobs/start/import-csv/?like={job.pk}").content.decode()
        assert "is kept." not in form
        answer = alices.post("/jobs/start/import-csv/", {"start-like": job.pk})
        assert answer.status_code == HTTPStatus.BAD_REQUEST


@pytest.fixture
def sends_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate, with effects outside."""
    task = current_app.tasks[registry.get("simulate").task.name]
    monkeypatch.setattr(task, "effects", "Sends e-mails")
    registry._describe.cache_clear()


@pytest.fixture(autouse=True)
def _described_as_it_is() -> object:
    yield
    registry._describe.cache_clear()


@pytest.mark.usefixtures("sends_mail")
def test_retry_of_what_has_effects_outside_asks_first(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED)
    assert 'data-asks="Sends e-mails.' in alices.get(job.get_absolute_url()).content.decode()
    url = f"/jobs/{job.pk}/retry/"
    assert "Sends e-mails. Another attempt may" in alices.post(url).content.decode()
    told = alices.post(url, {"view": "panel"}, headers={"HX-Request": "true"}).content.decode()
    assert "Another attempt may do that twice. Retry on" in told
    job.refresh_from_db()
    assert job.status == Status.FAILED
    alices.post(url, {"confirmed": "1"})
    job.refresh_from_db()
    assert job.status == Status.QUEUED
