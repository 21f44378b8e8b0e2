"""How often a page asks the database: as often for many jobs as for one."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle.log import log
from headway.models import Job, Status
from tests.pages.conftest import MakeJob
from tests.support.users import make_user

PAGE, JOB, STATUS = 10, 7, 3
"""At most, the session and the user among them. Of the first page two are for what it offers
to ask: how many jobs there are of each status, and the saved questions; one is for what is usual,
one for today's column of the chart, and one for who is ahead of those that wait. Of a running job
one is for how long such jobs take."""


@pytest.fixture(params=["a worker", "no worker"])
def twenty(request: pytest.FixtureRequest, make_job: MakeJob) -> list[Job]:
    """Jobs in every state, some of which wait in line."""
    if request.param == "a worker":
        log().alive("worker", "one", {"queues": ["celery"]}, 60)
    states = [*Status] * 3
    return [make_job(status, queue="celery", published_at=timezone.now()) for status in states[:20]]


def test_the_first_page(
    twenty: list[Job], alices: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    alices.get("/")  # what is asked once for a process is asked
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
