"""How often a page asks the database: as often for many jobs as for one."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle import queue
from headway.lifecycle.log import log
from headway.lifecycle.remembered import Remembered
from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.support.patience import PATIENCE
from tests.support.users import make_user

PAGE, JOB, STATUS = 6, 6, 3
"""At most, the session and the user among them. Of the first page one finds the newest jobs and
one reads them; two are for what it offers to ask: how many jobs there are of each status, and of
today, and the saved questions. What is usual and who waits in line are remembered. Of a job one
reads it and one its attempts, and where nobody remembers it one asks for what it is beside: how
long such jobs take, and who is ahead or whether any waits."""


@pytest.fixture(params=["a worker", "no worker"])
def twenty(request: pytest.FixtureRequest, make_job: MakeJob) -> list[Job]:
    """Jobs in every state, some of which wait in line."""
    if request.param == "a worker":
        log().alive("worker", "one", {"queues": ["celery"]}, 60)
    states = [*Status] * 3
    return [make_job(status, queue="celery", published_at=timezone.now()) for status in states[:20]]


def test_the_first_page(
    twenty: list[Job],
    alices: Client,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "_line", Remembered(PATIENCE))  # on a slow machine as well
    alices.get("/")  # what is asked once for a process, or for a while, is asked
    with django_assert_max_num_queries(PAGE):
        page = alices.get("/").content.decode()
    assert all(str(job.pk) in page for job in twenty)


def test_the_page_of_a_job_in_any_state(
    twenty: list[Job], alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for job in {job.status: job for job in twenty}.values():
        with django_assert_max_num_queries(JOB):
            assert alices.get(f"/jobs/{job.pk}/").status_code == 200


def test_the_status_of_a_job(
    twenty: list[Job], alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for job in {job.status: job for job in twenty}.values():
        with django_assert_max_num_queries(STATUS):
            assert alices.get(f"/jobs/{job.pk}/status/").status_code == 200


def test_the_list_in_the_admin(make_job: MakeJob, staffs: Client) -> None:
    """Of as many owners as jobs."""

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = staffs.get("/admin/headway/job/").content.decode()
        assert page.count("hx-preserve") == Job.objects.count()
        return len(queries)

    make_job(Status.QUEUED, owner=make_user("first"))
    asked()  # what is asked once for a process is asked
    of_one = asked()
    for number in range(20):
        make_job(Status.QUEUED, owner=make_user(f"user{number}"))
    assert asked() == of_one
