"""Secret parameters: the task gets them, and nobody reads them."""

import io
import json
from typing import Any

import pytest
from celery import chain
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from headway.kinds import secrets
from headway.kinds.masking import MASK
from headway.lifecycle import actions, janitor
from headway.lifecycle.log import log
from headway.models import Attempt, Job
from tests.jobs import private_kinds, rows
from tests.jobs.conftest import TaskWorker
from tests.jobs.waiting import ended, events, states
from tests.pages.conftest import client_of
from tests.support.processes import wait_until
from tests.support.stack import Valkey

PASSWORD, KEY = "hunter2-and-3", "sk-secret-456"
NEVER = (PASSWORD, KEY)


def log_in(owner: User | None = None) -> Job:
    asked = {"user": "root", "door": PASSWORD, "api_key": KEY}
    return actions.start("log-in", asked, owner=owner)


def columns(model: Any = Job) -> str:
    """Everything that the database holds of a model."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {model._meta.db_table}")  # noqa: S608 - our own table
        return str(cursor.fetchall())


def in_redis() -> bytes:
    """Everything that Redis holds, messages of the queue included."""
    redis: Any = log()._redis
    found = b""
    for key in redis.scan_iter():
        kind = redis.type(key)
        if kind == b"list":
            found += b"".join(redis.lrange(key, 0, -1))
        elif kind == b"hash":
            found += str(redis.hgetall(key)).encode()
        elif kind == b"stream":
            found += str(redis.xrange(key)).encode()
    return found


@pytest.mark.usefixtures("running")
def test_the_task_gets_them_and_nobody_reads_them(
    task_worker: TaskWorker, alice: User, boss: User
) -> None:
    job = ended(log_in(alice))
    assert job.result == {"user": "root", "lengths": [len(PASSWORD), len(KEY)], "port": 22}
    assert job.params == {"user": "root", "door": MASK, "api_key": MASK}
    wait_until(lambda: states(job)[-1] == "succeeded")
    dump = io.StringIO()
    call_command("dumpdata", "jobs", stdout=dump)
    assert job.secrets not in dump.getvalue()
    alices, staffs = client_of(alice), client_of(boss)
    for text in (
        *(alices.get(path).content.decode() for path in ("/", f"/jobs/{job.pk}/")),
        alices.get(f"/jobs/{job.pk}/status/").content.decode(),
        alices.get(f"/jobs/start/log-in/?like={job.pk}").content.decode(),
        staffs.get("/admin/headway/job/").content.decode(),
        staffs.get(f"/admin/headway/job/{job.pk}/change/").content.decode(),
        *(dump.getvalue(), repr(job), str(job), str(job.__dict__), str(events(job))),
        *(columns(), columns(Attempt), in_redis().decode("utf-8", "replace"), task_worker.output),
    ):
        assert not [secret for secret in NEVER if secret in text]
    hint = alices.get("/").content.decode().partition(f"row-{job.pk}")[2]
    assert "user root" in hint


def test_they_are_found_by_no_search(alice: User, boss: User, valkey: Valkey) -> None:
    job = log_in(alice)
    page = client_of(boss).get("/admin/headway/job/", {"q": "hunter2"}).content.decode()
    assert str(job.pk) not in page
    found = client_of(boss).get("/admin/headway/job/", {"q": "root"}).content.decode()
    assert str(job.pk) in found


@pytest.mark.usefixtures("valkey")
def test_a_message_carries_none_of_them(alice: User) -> None:
    job = actions.start("log-in", {"user": "root", "door": PASSWORD, "api_key": KEY}, owner=alice)
    kwargs = {"password": PASSWORD, "how": "value"}
    private_kinds.indiscreet.apply_async(kwargs=kwargs, kwargsrepr=str(kwargs), argsrepr=PASSWORD)
    assert Job.objects.exclude(pk=job.pk).get().options == {}
    assert not [secret for secret in NEVER if secret.encode() in in_redis()]


@pytest.mark.parametrize("how", ["value", "job", "returns"])
def test_what_a_task_says_of_them_is_masked(running: TaskWorker, alice: User, how: str) -> None:
    params = {"password": PASSWORD, "how": how, "key": KEY}
    job = ended(actions.start("indiscreet", params, owner=alice))
    wait_until(lambda: states(job)[-1] == job.status)
    attempt = job.attempts.get()
    assert [line["text"] for line in attempt.lines] == [f"log {MASK}", f"item: warning {MASK}"]
    assert attempt.warnings == [{"item": "item", "reason": f"warning {MASK}"}]
    assert (job.phase, job.message) == (f"with {MASK}", f"track {MASK}")
    assert log().output(str(job.pk)).text == f"output {MASK}"
    if how == "returns":
        assert job.result == {"text": f"result {MASK}", "list": [MASK], "key": len(KEY)}
    else:
        assert f"cannot sign in as root:'{MASK}'@db" in attempt.error
    if how == "job":
        assert job.reason == f"cannot sign in as root:'{MASK}'@db"
    wait_until(lambda: f"[{job.pk}] " in running.output or how == "returns")
    for text in (columns(), columns(Attempt), str(events(job)), running.output):
        assert PASSWORD not in text


def test_a_retry_by_the_task_keeps_them_and_may_replace_them(running: TaskWorker) -> None:
    job = ended(private_kinds.tries_again.delay("sesame-0", 0).id)
    assert (job.status, job.result) == ("succeeded", [len("sesame-2"), True])
    assert job.params == {"password": MASK, "number": 2}
    for text in (columns(), columns(Attempt), str(events(job)), running.output):
        assert "sesame" not in text


@pytest.mark.usefixtures("running")
def test_retry_gives_the_task_its_secrets_again(alice: User) -> None:
    params = {"password": PASSWORD, "how": "value"}
    job = ended(actions.start("indiscreet", params, owner=alice))
    client_of(alice).post(f"/jobs/{job.pk}/retry/")
    job = ended(job)
    assert job.attempt == 2
    assert f"root:'{MASK}'@db" in job.attempts.get(number=2).error


def test_what_follows_a_job_gets_its_secrets_sealed(running: TaskWorker, boss: User) -> None:
    first = private_kinds.any_names.s(a=1)
    after = private_kinds.receives.s("by-position", key=KEY)
    chain(first, private_kinds.receives.s(password=PASSWORD), after).apply_async()
    wait_until(lambda: Job.objects.finished().count() == 3)
    done = Job.objects.order_by("created_at")
    assert [job.result for job in done] == [1, [len(PASSWORD), 0], [len("by-position"), len(KEY)]]
    page = client_of(boss).get(f"/admin/headway/job/{done[0].pk}/change/").content.decode()
    stored = columns()
    for text in (page, stored, in_redis().decode("utf-8", "replace"), running.output):
        assert not [s for s in (*NEVER, "by-position") if s in text]
    assert done[0].secrets
    rows.changed(done[0], finished_at=rows.ago(90_000))
    janitor.erase_secrets()
    assert secrets.SEALED not in str(rows.changed(done[0]).options)


@pytest.mark.usefixtures("valkey")
def test_a_day_after_the_end_they_are_erased_and_retry_says_so(
    alice: User, settings: Settings
) -> None:
    job = log_in(alice)
    recent = rows.changed(log_in(alice), status="failed", finished_at=rows.ago(80_000))
    active = log_in(alice)
    rows.changed(job, status="failed", finished_at=rows.ago(90_000))
    janitor.erase_secrets()
    assert [bool(rows.changed(each).secrets) for each in (job, recent, active)] == [0, 1, 1]
    with pytest.raises(
        actions.ActionError, match=r"\(door, api key\) have been erased.+Start another"
    ):
        actions.retry(job)
    assert (
        "have been erased"
        in client_of(alice).post(f"/jobs/{job.pk}/retry/", follow=True).content.decode()
    )
    settings.HEADWAY = settings.HEADWAY | {"JOB_SECRETS_KEPT": 60}
    janitor.erase_secrets()
    assert not rows.changed(recent).secrets


@pytest.mark.usefixtures("valkey")
def test_another_key_gives_a_sentence_and_an_earlier_one_still_reads(
    alice: User, settings: Settings
) -> None:
    job = rows.changed(log_in(alice), status="failed")
    before = settings.SECRET_KEY
    settings.SECRET_KEY = "another"
    with pytest.raises(actions.ActionError, match=r"can no longer be read.+key has changed"):
        actions.retry(job)
    settings.SECRET_KEY_FALLBACKS = [before]
    assert secrets.of(job) == {"door": PASSWORD, "api_key": KEY}
    assert actions.retry(job).status == "queued"


@pytest.mark.usefixtures("running")
def test_a_worker_with_another_key_fails_the_job_with_a_sentence(settings: Settings) -> None:
    settings.SECRET_KEY = "another"
    job = ended(log_in())
    assert job.status == "failed"
    assert job.reason.startswith(
        "The secrets entered for this job (door, api key) can no longer be"
    )


def test_a_refused_form_shows_nothing_of_them(alice: User, valkey: Valkey) -> None:
    client, params = client_of(alice), {"user": "", "door": PASSWORD, "api_key": KEY * 9}
    page = client.post("/jobs/start/log-in/", params)
    assert page.status_code == 400
    assert not [secret for secret in NEVER if secret in page.content.decode()]
    assert page.content.decode().count('type="password"') == 2
    params["door"] += "\ud800"  # half a character
    answer = client.post("/jobs/start/log-in/", json.dumps(params), "application/json")
    assert answer.status_code == 400
    assert not [secret for secret in NEVER if secret in answer.content.decode()]


def test_an_address_fills_in_no_secret(alice: User, valkey: Valkey) -> None:
    page = client_of(alice).get(f"/jobs/start/log-in/?user=ann&door={PASSWORD}&api_key={KEY}")
    assert "ann" in page.content.decode()
    assert not [secret for secret in NEVER if secret in page.content.decode()]


def test_the_description_for_programs_names_no_default(alice: User) -> None:
    document = client_of(alice).get("/api/openapi.json").json()
    body = document["paths"]["/jobs/start/log-in/"]["post"]["requestBody"]
    described = body["content"]["application/json"]["schema"]["properties"]
    assert [name for name in described if described[name].get("writeOnly")] == ["door", "api_key"]


@pytest.mark.django_db
def test_a_command_repeats_none_of_them() -> None:
    with pytest.raises(CommandError) as refused:
        call_command("start_job", "log-in", "--set", f"pass={PASSWORD}")
    assert PASSWORD not in str(refused.value)
