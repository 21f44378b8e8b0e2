"""Uploads and results in a bucket: machines share no folder."""

from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from headway.lifecycle import leftovers, removal
from headway.models import Job
from headway.web import tokens
from progress.file_storage import file_storage
from tests.support.installation import Installation
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.s3 import BUCKET, S3
from tests.support.stack import Web
from tests.support.thorough import Many

CSV = b"name,age\nAda,36\nno columns\n" + b"Bob,40\n" * 1000


@pytest.fixture
def s3(many: Many, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    if not many(0, thorough=1):
        pytest.skip("takes half a minute: pytest --thorough")
    server = S3()
    for name, value in server.environment_of_clients.items():
        monkeypatch.setenv(name, value)
    server.start()
    yield server
    server.stop()


def test_a_file_goes_in_and_another_comes_out_by_the_app_and_at_a_signed_address(
    s3: S3, transactional_db: None, boss: User
) -> None:
    with (
        Installation(RedisServer(), DOWNLOADS="storage") as site,
        Person(site.web.url, tokens.issue(boss)[1]) as person,
    ):
        file = {"file": ("people.csv", CSV, "text/csv")}
        answer = person.ask("POST", "/jobs/start/import-csv/", files=file)
        job = answer.raise_for_status().json()["job"]
        wait_until(lambda: person.status(job)["status"] == "succeeded")
        assert sorted(s3.keys()) == [
            f"results/{job}/1/rejects.csv",
            f"uploads/{job}/people.csv",
        ]
        away = person.ask("GET", f"/jobs/{job}/files/rejects.csv/")
        assert away.status_code == 302
        signed = httpx.get(away.headers["Location"])
        assert (signed.status_code, b"no columns" in signed.content) == (200, True)
        assert signed.headers["Content-Disposition"] == 'attachment; filename="rejects.csv"'
        through = Web(REDIS_URL=site.server.url, DOWNLOADS="app")
        through.start()
        try:
            with Person(through.url, person.token) as another:
                got = another.ask("GET", f"/jobs/{job}/files/rejects.csv/")
                assert (got.status_code, got.content) == (200, signed.content)
                s3.kill()
                assert another.ask("GET", f"/jobs/{job}/files/rejects.csv/").status_code == 503
                page = another.ask("GET", f"/jobs/{job}/", headers={"Accept": "text/html"})
                assert (page.status_code, "rejects.csv" in page.text) == (200, True)
        finally:
            through.stop()


def test_what_goes_with_a_job_goes_out_of_the_bucket(
    s3: S3,
    transactional_db: None,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    valkey: object,
) -> None:
    settings.STORAGES = {**settings.STORAGES, "default": file_storage(BUCKET)}
    job = Job.objects.create(kind="simulate", title="Simulate", status="succeeded")
    orphan = "0b6f5e0e-3b44-4d0c-8a3e-6f1f6f6e2a11"
    for name in (f"uploads/{job.pk}/a", f"results/{job.pk}/1/b", f"uploads/{orphan}/c"):
        s3.client().put_object(Bucket=BUCKET, Key=name, Body=b"x")
    removal.delete(job)
    assert s3.keys() == [f"uploads/{orphan}/c"]
    monkeypatch.setattr(leftovers, "YOUNG", -leftovers.YOUNG)
    monkeypatch.setattr(leftovers, "_looked", {})
    leftovers.remove_orphans()
    assert s3.keys() == []
