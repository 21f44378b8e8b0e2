"""The history of jobs in the admin."""

import re
from http import HTTPStatus

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import ACTIVE, Job, Status
from headway.stream import Event
from headway.web import tokens
from headway.web.formatting import exact
from tests.pages.conftest import MakeJob, client_of
from tests.support.users import make_user

LIST = "/admin/headway/job/"
HTMX = {"HX-Request": "true"}
STOP_POLLING = 286


def act(client: Client, action: str, *jobs: Job) -> str:
    values = {"action": action, "_selected_action": [str(job.pk) for job in jobs]}
    return client.post(LIST, values, follow=True).content.decode()


def test_the_list_shows_status_bar_owner_and_duration(staffs: Client, make_job: MakeJob) -> None:
    make_job(Status.FAILED)
    page = staffs.get(LIST).content.decode()
    for text in ("Failed", 'aria-valuenow="42.5"', "alice", "Simulate", "0 s"):
        assert text in page


@pytest.mark.parametrize("query", ["status__exact=%00", "kind__exact=a%00b", "q=%00"])
@pytest.mark.parametrize("address", [LIST, "/admin/headway/apitoken/"])
def test_a_nul_in_the_address_is_no_error_of_ours(staffs: Client, address: str, query: str) -> None:
    """PostgreSQL refuses to look for one."""
    assert staffs.get(f"{address}?{query}").status_code in (HTTPStatus.OK, HTTPStatus.FOUND)


def test_a_parameter_is_found_in_every_script(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(params={"name": "Käse 北京"})
    make_job(params={"name": "Brot"}, title="Bäckerei")
    for word in ("Käse", "北京", "simulate 北京"):
        assert staffs.get(LIST, {"q": word}).content.decode().count(f"job-{job.pk}") == 1
    assert str(job.pk) not in staffs.get(LIST, {"q": "Bäckerei"}).content.decode()
    assert "Bäckerei" in staffs.get(LIST, {"q": "Bäckerei"}).content.decode()


def test_the_bar_is_where_redis_says(staffs: Client, make_job: MakeJob) -> None:
    job = make_job()
    log().append(str(job.pk), Event("state", state(job)), attempt=1, created=True)
    motion = {"job": str(job.pk), "attempt": 1, "percent": 61.8}
    log().append(str(job.pk), Event("progress", motion), attempt=1)
    assert 'aria-valuenow="61.8"' in staffs.get(LIST).content.decode()


@pytest.mark.parametrize("status", Status)
def test_the_list_polls_itself_only_while_something_is_active(
    staffs: Client, make_job: MakeJob, status: Status
) -> None:
    make_job(status)
    page = staffs.get(LIST).content.decode()
    assert ('hx-trigger="every 2s"' in page) is (status in ACTIVE)


@pytest.mark.parametrize("status", Status)
def test_a_poll_is_told_to_stop_when_nothing_is_active(
    staffs: Client, make_job: MakeJob, status: Status
) -> None:
    make_job(status)
    response = staffs.get(LIST, headers=HTMX)
    assert response.status_code == (HTTPStatus.OK if status in ACTIVE else STOP_POLLING)


def test_one_request_polls_the_whole_page(staffs: Client, make_job: MakeJob) -> None:
    for _ in range(3):
        make_job()
    page = staffs.get(LIST).content.decode()
    assert page.count('hx-get=""') == 1
    assert page.count("hx-get=") == 3  # and whether a worker runs, and names as they are typed


def test_a_tick_survives_a_poll(staffs: Client, make_job: MakeJob) -> None:
    job = make_job()
    page = staffs.get(LIST).content.decode()
    [box] = re.findall(r'<input[^>]*class="action-select"[^>]*>', page)
    assert f'id="select-{job.pk}"' in box
    assert "hx-preserve" in box
    assert "checked" not in box


def test_jobs_are_cancelled_and_retried_with_one_message(staffs: Client, make_job: MakeJob) -> None:
    running = [make_job() for _ in range(18)]
    queued, failed = make_job(Status.QUEUED), make_job(Status.FAILED)
    page = act(staffs, "cancel_jobs", queued, *running, failed)
    [said] = re.findall(
        r'<ul class="messagelist">\s*(<li class="warning">.*?)</ul>', page, re.DOTALL
    )
    assert said.count("<li") == 1
    for sentence in (
        "18 jobs cancelling.",
        "1 job cancelled.",
        "1 job not changed: A job that is failed cannot be cancelled.",
    ):
        assert sentence in said
    assert "1 job queued." in act(staffs, "retry_jobs", failed)
    failed.refresh_from_db()
    assert failed.status == Status.QUEUED
    assert failed.reason == "Retried by boss"


def test_who_may_only_look_can_only_look(make_job: MakeJob) -> None:
    looker = make_user("looker")
    looker.is_staff = True
    looker.save()
    looker.user_permissions.add(Permission.objects.get(codename="view_job"))
    client, job = client_of(looker), make_job()
    page = client.get(LIST).content.decode()
    assert str(job.pk) in page
    assert "cancel_jobs" not in page
    act(client, "cancel_jobs", job)
    job.refresh_from_db()
    assert job.status == Status.RUNNING


def test_ordinary_users_do_not_get_in(alices: Client) -> None:
    assert alices.get(LIST).status_code == HTTPStatus.FOUND


def test_nothing_can_be_added_edited_or_deleted(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED)
    url = f"{LIST}{job.pk}/"
    page = staffs.get(f"{url}change/").content.decode()
    assert not re.findall(r'<(?:input|select|textarea)[^>]*name="(?!csrf|attempts-)', page)
    assert 'name="_save"' not in page
    assert staffs.post(f"{url}change/", {"title": "x"}).status_code == HTTPStatus.FORBIDDEN
    assert staffs.get(f"{LIST}add/").status_code == HTTPStatus.FORBIDDEN
    assert staffs.post(f"{url}delete/", {"post": "yes"}).status_code == HTTPStatus.FORBIDDEN
    assert "delete_selected" not in staffs.get(LIST).content.decode()
    assert Job.objects.filter(pk=job.pk).exists()


def test_a_job_shows_its_attempts_with_their_tracebacks(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED, attempt=2)
    job.attempts.filter(number=1).update(error="Traceback one")
    job.attempts.filter(number=2).update(error="Traceback two")
    page = staffs.get(f"{LIST}{job.pk}/change/").content.decode()
    assert page.index("Traceback two") < page.index("Traceback one")


def test_what_a_job_has_not_is_a_dash(staffs: Client, make_job: MakeJob) -> None:
    page = staffs.get(f"{LIST}{make_job().pk}/change/").content.decode()
    assert re.search(r"Reason:</label>\s*<div class=\"readonly\">-</div>", page)
    assert ">None<" not in page


@pytest.mark.parametrize(
    "term", ["{id}", "Unusual", "alice", "disk was full", "people.csv", "nonsense"]
)
def test_search_finds_id_title_owner_reason_and_parameters(
    staffs: Client, make_job: MakeJob, boss: User, term: str
) -> None:
    job = make_job(
        Status.FAILED,
        title="Unusual",
        reason="The disk was full.",
        params={"file": "uploads/1/people.csv"},
    )
    make_job(owner=boss)
    response = staffs.get(LIST, {"q": term.format(id=job.pk)})
    found = [each.pk for each in response.context["cl"].result_list]
    assert found == ([] if term == "nonsense" else [job.pk])


@pytest.mark.parametrize("query", ["status__exact=failed", "kind=simulate", "owner__id__exact=x"])
def test_filters_work(staffs: Client, make_job: MakeJob, query: str) -> None:
    make_job(Status.FAILED)
    response = staffs.get(f"{LIST}?{query}", follow=True)
    assert response.status_code == HTTPStatus.OK


def test_the_number_of_queries_does_not_grow_with_the_jobs(
    staffs: Client, make_job: MakeJob, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(2):
        for status in Status:
            make_job(status)
        with django_assert_num_queries(6):
            staffs.get(LIST)


def test_reasons_times_and_attempts_are_told_as_on_pages(staffs: Client, make_job: MakeJob) -> None:
    make_job(Status.CANCELLING, reason="Cancelled")
    assert 'class="why"' not in staffs.get(LIST).text
    job = make_job(Status.FAILED, reason="הקובץ ריק.")
    assert '<span class="why" dir="auto">הקובץ ריק.</span>' in staffs.get(LIST).text
    page = staffs.get(f"{LIST}{job.pk}/change/").text
    assert job.finished_at is not None
    assert exact(job.finished_at) in page
    assert f"of {job.pk}" not in page


def test_filters_are_called_as_their_columns(staffs: Client, boss: User) -> None:
    assert "By created" in staffs.get(LIST).text
    assert "By way" in staffs.get("/admin/headway/auditentry/").text
    tokens.revoke(tokens.issue(boss, "laptop")[0])
    tokens.issue(boss, "nightly")
    page = staffs.get("/admin/headway/apitoken/?revoked=yes").text
    assert "By revoked" in page
    assert ("laptop" in page, "nightly" in page) == (True, False)
