"""One user may have, and start, only so many jobs; others and jobs of nobody do not notice."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from headway.lifecycle import actions, many
from headway.models import Job
from tests.jobs import kinds, rows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
assert kinds


@pytest.fixture
def limited(settings: Settings) -> None:
    limits = {"JOB_MAX_ACTIVE_PER_USER": 3, "JOB_MAX_STARTS_PER_MINUTE": 5}
    settings.HEADWAY = settings.HEADWAY | limits


@pytest.mark.usefixtures("limited")
def test_active_jobs_of_a_user_are_limited(alice: User) -> None:
    bob = User.objects.create_user("bob")
    jobs = [actions.start("add", {"a": 1}, owner=alice) for _ in range(3)]
    with pytest.raises(actions.LimitError, match="At most 3 of your jobs can be queued") as refused:
        actions.start("add", {"a": 1}, owner=alice.pk)
    assert refused.value.retry_after == 60
    actions.start("add", {"a": 1}, owner=bob)
    for _ in range(4):
        actions.start("add", {"a": 1})
    actions.cancel(jobs[0])
    actions.start("add", {"a": 1}, owner=alice)
    with pytest.raises(actions.LimitError):
        actions.retry(jobs[0])


@pytest.mark.usefixtures("limited")
def test_many_at_once_count_as_many_and_leave_nothing(alice: User) -> None:
    with pytest.raises(actions.LimitError):
        many.start("add", [{"a": number} for number in range(4)], owner=alice)
    assert not Job.objects.exists()
    assert len(many.start("add", [{"a": number} for number in range(3)], owner=alice)) == 3


@pytest.mark.usefixtures("limited")
def test_starts_of_a_user_within_a_minute_are_limited(alice: User) -> None:
    for _ in range(5):
        rows.changed(actions.start("add", {"a": 1}, owner=alice), status="failed")
    with pytest.raises(actions.LimitError, match="at most 5 jobs a minute") as refused:
        actions.start("add", {"a": 1}, owner=alice)
    assert 50 < refused.value.retry_after <= 60
    Job.objects.filter(owner=alice).update(created_at=rows.ago(61))
    actions.start("add", {"a": 1}, owner=alice)


@pytest.mark.usefixtures("limited")
def test_the_same_start_again_is_no_other(alice: User) -> None:
    first = [actions.start("add", {"a": 1}, owner=alice, key=f"k{n}") for n in range(3)]
    assert actions.start("add", {"a": 1}, owner=alice, key="k0") == first[0]


@pytest.mark.usefixtures("limited")
def test_superusers_are_exempt() -> None:
    root = User.objects.create_superuser("root")
    for _ in range(7):
        actions.start("add", {"a": 1}, owner=root)


@pytest.mark.usefixtures("limited")
def test_a_limit_is_told_as_429(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    for _ in range(3):
        rows.queued(owner=alice)
    body = json.dumps({"a": 1, "b": 2})
    answer = client.post("/jobs/start/add/", body, content_type="application/json")
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert answer.json()["detail"].startswith("At most 3 of your jobs can be queued or running")
    page = client.post("/jobs/start/add/", {"a": "1", "b": "2"}, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert "At most 3 of your jobs" in page.content.decode()
