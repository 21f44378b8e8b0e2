"""The table of docs/operations.md, asked at every door for everybody in it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from headway.models import Attempt, Job, Status, result_path
from headway.policy import policy
from headway.web import tokens
from tests.support.stack import Valkey

JSON = {"Accept": "application/json"}
Door = Callable[[Client, Job], bool]


def table() -> dict[str, dict[str, bool]]:
    """Who -> what they may -> whether."""
    text = Path(settings.BASE_DIR, "docs/operations.md").read_text()
    lines = re.findall(r"^\| (who \|.*|.* \| (?:yes|no)) \|$", text, re.MULTILINE)
    (_, *columns), *found = ([cell.strip() for cell in line.split("|")] for line in lines)
    return {
        who: {column: cell == "yes" for column, cell in zip(columns, cells, strict=True)}
        for who, *cells in found
    }


TABLE = table()


@pytest.fixture
def job(alice: User, valkey: Valkey) -> Iterator[Job]:
    """Alice's, which failed and left a file."""
    valkey.flush()
    now = timezone.now()
    made = Job.objects.create(
        kind="simulate",
        title="Simulate",
        owner=alice,
        params={"seconds": 1234},
        status=Status.FAILED,
        attempt=1,
        started_at=now,
        finished_at=now,
        files=["out.txt"],
    )
    Attempt.objects.create(
        job=made,
        number=1,
        status=Status.FAILED,
        started_at=now,
        error="Traceback of the inside",
        lines=[{"n": 1, "t": 0, "level": "info", "text": "a line of the log"}],
    )
    path = default_storage.save(result_path(made.pk, 1, "out.txt"), ContentFile(b"hello"))
    yield made
    default_storage.delete(path)


def person(who: str, job: Job) -> User | None:
    """Somebody of the table."""
    if who == "anonymous":
        return None
    if who.startswith("the owner"):
        assert isinstance(job.owner, User)
        return job.owner
    user = User.objects.create(
        username="somebody",
        is_staff=who.startswith("staff") or "superuser" in who,
        is_superuser="superuser" in who,
    )
    for codename in re.findall(r"`headway\.(\w+)`", who):
        user.user_permissions.add(Permission.objects.get(codename=codename))
    return user


def client_of(who: str, job: Job, by: str) -> Client:
    """A browser, or a program with a token."""
    user, client = person(who, job), Client()
    if user is not None and by == "token":
        client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {tokens.issue(user)[1]}"
    elif user is not None:
        client.force_login(user)
    if user is not None and who.endswith("deactivated"):
        User.objects.filter(pk=user.pk).update(is_active=False)
    return client


def gives(path: str, method: str = "get", shown: str = "") -> Door:
    """Whether an address, `{job}` in it, answers, and with it what it is to show."""

    def door(client: Client, job: Job) -> bool:
        answer = getattr(client, method)(path.format(job=job.pk))
        assert answer.status_code in (200, 302, 401, 403, 404)
        return answer.status_code == 200 and shown.encode() in answer.getvalue()

    return door


def does(verb: str, before: Status, after: Status) -> Door:
    """Whether a verb has its effect by the address of programs."""

    def door(client: Client, job: Job) -> bool:
        Job.objects.filter(pk=job.pk).update(status=before)
        answer = client.post(f"/jobs/{job.pk}/{verb}/", headers=JSON)
        job.refresh_from_db()
        assert (answer.status_code == 202) == (job.status == after)
        return bool(job.status == after)

    return door


def acts(action: str, before: Status, after: Status) -> Door:
    """Whether an action of the admin has its effect."""

    def door(client: Client, job: Job) -> bool:
        Job.objects.filter(pk=job.pk).update(status=before)
        client.post("/admin/headway/job/", {"action": action, "_selected_action": [str(job.pk)]})
        job.refresh_from_db()
        return bool(job.status == after)

    return door


CANCEL = (Status.QUEUED, Status.CANCELLED)
RETRY = (Status.FAILED, Status.QUEUED)
DOORS: dict[str, dict[str, Door]] = {
    "sees a job": {
        "page": gives("/jobs/{job}/", shown="a line of the log"),
        "row": gives("/jobs/{job}/row/"),
        "bar": gives("/jobs/{job}/row/?view=bar"),
        "panel": gives("/jobs/{job}/panel/"),
        "status": gives("/jobs/{job}/status/"),
        "stream": gives("/jobs/{job}/events/", "head"),
        "stream of many": gives("/jobs/events/?job={job}", "head"),
        "stream of mine and others": gives("/jobs/events/?mine&job={job}", "head"),
        "whole log": gives("/jobs/{job}/log/", shown="a line of the log"),
        "page of the log": gives("/jobs/{job}/log/?before=9", shown="a line of the log"),
        "search in the log": gives("/jobs/{job}/log/?find=line", shown="a line of the log"),
        "result file": gives("/jobs/{job}/files/out.txt/", shown="hello"),
        "runs of its kind": gives("/jobs/kinds/simulate/", shown='id="run-'),
    },
    "its inputs": {
        "page": gives("/jobs/{job}/", shown="1,234"),
        "row": gives("/jobs/{job}/row/", shown="1,234"),
        "another like it": gives("/jobs/start/simulate/?like={job}", shown="1234"),
    },
    "cancels, retries": {
        "cancel": does("cancel", *CANCEL),
        "retry": does("retry", *RETRY),
        "button": gives("/jobs/{job}/", shown="/retry/"),
    },
    "admin, tracebacks": {
        "list": gives("/admin/headway/job/", shown="1,234"),
        "search": gives("/admin/headway/job/?q=1234", shown="1,234"),
        "traceback": gives("/admin/headway/job/{job}/change/", shown="Traceback of the inside"),
        "log": gives("/admin/headway/job/{job}/change/", shown="a line of the log"),
        "inputs": gives("/admin/headway/job/{job}/change/", shown="1234"),
        "history": gives("/admin/headway/job/{job}/history/"),
        "system": gives("/jobs/system/"),
    },
    "tokens": {"list": gives("/admin/headway/apitoken/")},
}
HERE = [(what, door) for what, doors in DOORS.items() for door in doors]


def test_the_table_and_the_doors_are_about_the_same() -> None:
    assert len(TABLE) == 10
    assert all([*columns] == [*DOORS] for columns in TABLE.values())


@pytest.mark.parametrize(("what", "door"), HERE, ids=[f"{what}-{door}" for what, door in HERE])
@pytest.mark.parametrize("who", TABLE)
def test_a_browser_gets_what_the_table_says(who: str, what: str, door: str, job: Job) -> None:
    client = client_of(who, job, "session")
    assert DOORS[what][door](client, job) is TABLE[who][what]


BY_TOKEN = [(what, door) for what, door in HERE if what not in ("admin, tracebacks", "tokens")]


@pytest.mark.parametrize(("what", "door"), BY_TOKEN, ids=[f"{w}-{door}" for w, door in BY_TOKEN])
@pytest.mark.parametrize("who", TABLE)
def test_a_token_gets_what_its_owner_would(who: str, what: str, door: str, job: Job) -> None:
    client = client_of(who, job, "token")
    assert DOORS[what][door](client, job) is TABLE[who][what]


@pytest.mark.parametrize(
    "door", [acts("cancel_jobs", *CANCEL), acts("retry_jobs", *RETRY)], ids=["cancel", "retry"]
)
@pytest.mark.parametrize("who", TABLE)
def test_the_admin_acts_for_whom_both_columns_name(who: str, door: Door, job: Job) -> None:
    client = client_of(who, job, "session")
    allowed = TABLE[who]["admin, tracebacks"] and TABLE[who]["cancels, retries"]
    assert door(client, job) is allowed


@pytest.mark.parametrize("who", TABLE)
def test_the_policy_itself_says_the_same(who: str, job: Job) -> None:
    from django.contrib.auth.models import AnonymousUser

    user: Any = person(who, job) or AnonymousUser()
    user.is_active = not who.endswith("deactivated")
    expected = TABLE[who]
    assert policy.visible(Job.objects.all(), user).exists() is expected["sees a job"]
    assert policy.may_see_inputs(user, job) is expected["its inputs"]
    assert policy.may_cancel(user, job) is expected["cancels, retries"]
    assert policy.may_retry(user, job) is expected["cancels, retries"]
    browses = expected["sees a job"] and not who.startswith("the owner")
    assert policy.may_browse(user) is policy.may_see_tracebacks(user, job) is browses
    assert policy.may_start(user, "simulate") is (user.is_active and who != "anonymous")
