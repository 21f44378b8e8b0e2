"""The banner "No worker is running": where it is, and what keeps it current."""

import re
from http import HTTPStatus

import pytest
from django.test import Client

from headway.lifecycle.log import log
from headway.models import Status
from tests.pages.conftest import MakeJob
from tests.support.stack import Valkey

SENTENCE = "No worker is running, so queued jobs wait"
STOP_POLLING = 286
START = "/jobs/start/simulate/"


def addresses(page: str) -> list[str]:
    """From which a page fetches the banner."""
    found = re.findall(r'id="no-worker"[^>]*hx-get="([^"]*)"', page)
    return [address.replace("&amp;", "&") for address in found]


@pytest.mark.parametrize("path", ["/", "the job's", START, "/admin/headway/job/", "in the admin"])
def test_every_page_has_it_and_asks_again(staffs: Client, make_job: MakeJob, path: str) -> None:
    job = make_job(Status.QUEUED)
    ours = {"the job's": f"/jobs/{job.pk}/", "in the admin": f"/admin/headway/job/{job.pk}/change/"}
    page = staffs.get(ours.get(path, path)).content.decode()
    assert SENTENCE in page
    [address] = addresses(page)
    assert staffs.get(address).status_code == HTTPStatus.NO_CONTENT
    log().alive("worker", "w1", {"queues": ["celery"]})
    gone = staffs.get(address).content.decode()
    assert SENTENCE not in gone
    [again] = addresses(gone)
    assert staffs.get(again).status_code == HTTPStatus.NO_CONTENT
    log().gone("worker", "w1")
    assert SENTENCE in staffs.get(again).content.decode()


def test_where_nothing_waits_only_a_start_page_has_it(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED)
    assert SENTENCE not in alices.get("/").content.decode()
    assert SENTENCE not in alices.get(job.get_absolute_url()).content.decode()
    assert SENTENCE in alices.get(START).content.decode()


def test_it_is_about_ones_own_jobs(alices: Client, bobs: Client, make_job: MakeJob) -> None:
    make_job(Status.QUEUED)
    assert SENTENCE in alices.get("/").content.decode()
    assert SENTENCE not in bobs.get("/").content.decode()


def test_staff_see_it_on_every_list_where_any_job_waits(
    staffs: Client, alices: Client, make_job: MakeJob
) -> None:
    """Whatever the list is narrowed to, and whatever its counts are of."""
    make_job(Status.QUEUED)
    for page in ("/", "/?person=*", "/?kind=import-csv", "/?text=nothing", "/?since=2026-11-29"):
        assert SENTENCE in staffs.get(page).content.decode(), page
        assert SENTENCE in alices.get(page).content.decode(), page


def test_signed_out_a_page_asks_no_more(client: Client, db: None) -> None:
    answer = client.get("/jobs/no-worker/?shown=0", headers={"HX-Request": "true"})
    assert answer.status_code == STOP_POLLING
    assert answer.content == b""


def test_without_redis_nobody_knows(alices: Client, make_job: MakeJob, valkey: Valkey) -> None:
    make_job(Status.QUEUED)
    valkey.pause()
    try:
        assert SENTENCE not in alices.get("/").content.decode()
    finally:
        valkey.resume()
