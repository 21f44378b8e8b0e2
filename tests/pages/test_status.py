"""The snapshot as JSON."""

from http import HTTPStatus

from django.test import Client

from headway.lifecycle.snapshots import live, snapshot
from headway.models import Status
from tests.pages.conftest import MakeJob


def test_it_is_the_same_object_as_in_the_stream(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED, result={"rows": 5}, files=["a.csv"])
    job.refresh_from_db()
    answer = alices.get(f"/jobs/{job.pk}/status/").json()
    cursor, states = live([job])
    assert answer == snapshot(job, states.get(str(job.pk))) | {"cursor": cursor}
    assert answer["percent"] == 100
    assert answer["result"] == {"rows": 5}


def test_nothing_new_is_304(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED)
    url = f"/jobs/{job.pk}/status/"
    first = alices.get(url)
    again = alices.get(url, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == HTTPStatus.NOT_MODIFIED
    assert again.content == b""
    assert again["ETag"] == first["ETag"]


def test_something_new_is_not(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED)
    url = f"/jobs/{job.pk}/status/"
    first = alices.get(url)
    job.reason = "Looked at again"
    job.save()
    again = alices.get(url, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == HTTPStatus.OK
    assert again["ETag"] != first["ETag"]


def test_no_cache_may_keep_it_for_somebody_else(alices: Client, make_job: MakeJob) -> None:
    response = alices.get(f"/jobs/{make_job().pk}/status/")
    assert response["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= set(response["Vary"].split(", "))


def test_errors_are_json_whatever_was_asked_for(
    client: Client, bobs: Client, make_job: MakeJob
) -> None:
    url = f"/jobs/{make_job().pk}/status/"
    for who, status in ((client, HTTPStatus.UNAUTHORIZED), (bobs, HTTPStatus.NOT_FOUND)):
        response = who.get(url, headers={"Accept": "text/html"})
        assert response.status_code == status
        assert response.json()["status"] == status
        assert response.json()["detail"]
