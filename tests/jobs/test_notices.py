"""Whoever wants to know that a job has ended is told, whatever dies meanwhile, and nobody else."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db.backends.signals import connection_created
from django.db.models.functions import Now
from pytest_django import Settings

from headway.lifecycle import actions, delivery, lease, observed, outbox, webhooks
from headway.lifecycle.lease import later
from headway.lifecycle.traces import Traces
from headway.models import Channel, Job, Notice, Status
from tests.jobs import rows
from tests.support.pages import blocks
from tests.support.receiver import Receiver
from tests.support.stack import Janitor, Valkey, wait_until

SETTLES = """
import os, signal, sys, django
django.setup()
from django.db import transaction
from headway.lifecycle import lease
from headway.lifecycle.traces import Traces
from headway.models import Attempt
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
with transaction.atomic():
    assert lease.settle(Attempt.objects.get(job_id=sys.argv[1]), "succeeded", Traces())
    if sys.argv[2] == "before":
        die()
die()
"""


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    """A receiver to which the site may send."""
    settings.HEADWAY = settings.HEADWAY | {
        "WEBHOOK_HOSTS": ["127.0.0.1", "hook.test"],
        "NOTICES": ["email", "webhook"],
        "SITE_URL": "https://jobs.example.com",
        "NOTICE_MAX_TRIES": 3,
    }
    with Receiver() as server:
        yield server


@pytest.fixture
def wanted(valkey: Valkey, transactional_db: None, alice: User, receiver: Receiver) -> User:
    """Alice, who wants webhooks."""
    del transactional_db
    valkey.flush()
    outbox.choose(alice.pk, {"webhook_url": receiver.url})
    return alice


def ended(owner: User, status: Status = Status.SUCCEEDED, **columns: Any) -> Job:
    """A job whose owner wants to be told, and which has ended."""
    job, attempt = rows.running(**{"owner": owner, "notify": True} | columns)
    assert lease.settle(attempt, status, Traces(), reason="secret", result="secret")
    return rows.changed(job)


def due() -> None:
    """The time of all next tries has come."""
    Notice.objects.exclude(due_at=None).update(due_at=Now())


def test_the_message_is_that_of_the_page(wanted: User, receiver: Receiver) -> None:
    job = ended(wanted)
    assert delivery.deliver() == 1
    [message] = receiver.got
    [example] = [json.loads(block.code) for block in blocks("docs/notices.md", "json")]
    said = json.loads(message.body)
    assert said.keys() == example.keys()
    assert said["data"].keys() == example["data"].keys()
    assert said["type"] == example["type"]
    assert said["data"] == {
        "id": str(job.pk),
        "kind": "add",
        "status": "succeeded",
        "link": f"https://jobs.example.com/jobs/{job.pk}/",
    }
    assert "secret" not in f"{message}"
    namespace: dict[str, Any] = {}
    [code] = [b.code for b in blocks("docs/notices.md", "python") if "is_genuine" in b.code]
    exec(code, namespace)  # noqa: S102 - our own page
    is_genuine = namespace["is_genuine"]
    key = webhooks.keys(outbox.chosen(wanted.pk))[0]
    assert is_genuine(key, message.headers, message.body)
    assert not is_genuine(key, message.headers, message.body + b" ")
    assert not is_genuine(key, message.headers | {"webhook-id": "msg_2"}, message.body)
    assert not is_genuine(key, message.headers | {"webhook-timestamp": "1"}, message.body)
    assert message.path == "/hook?x=1"
    notice = Notice.objects.get()
    assert (notice.due_at, notice.tries, bool(notice.told_at)) == (None, 1, True)
    assert delivery.deliver() == 0


def test_a_signature_is_that_of_the_standard() -> None:
    """The example with which Standard Webhooks' own libraries are tested."""
    key, name = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    made = webhooks.signature(key, name, 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_key_stays_good_while_its_secret_key_is_known(alice: User, settings: Settings) -> None:
    choice = outbox.choose(alice.pk, {"webhook_url": "https://example.com"})
    [key] = webhooks.keys(choice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    new, old = webhooks.keys(choice)
    assert (old, new != old) == (key, True)
    assert len(webhooks.signed(choice, "msg", b"")["webhook-signature"].split()) == 2


def test_every_end_is_told_once_and_nothing_else(wanted: User) -> None:
    for status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED):
        ended(wanted, status)
    job, attempt = rows.running(owner=wanted, notify=True)
    assert lease.requeue(attempt, 1, Traces(), reason="again", error="", changes={})
    actions.cancel(rows.changed(job), wanted)
    lost, _ = rows.running(owner=wanted, notify=True)
    assert lease.abandon(lost.pk, "The worker disappeared")
    seen = rows.queued(owner=wanted, notify=True, max_attempts=0)
    observed.revoked(seen.pk, "Revoked")
    old = rows.queued(owner=wanted, notify=True, max_attempts=0, created_at=rows.ago(90_000))
    observed.end_forgotten()
    statuses = sorted(Notice.objects.values_list("job_id", "status"))
    assert len(statuses) == 7
    assert {status for _, status in statuses} == {"succeeded", "failed", "cancelled", "lost"}
    assert (old.pk, "lost") in statuses
    again = actions.retry(lost, wanted)
    actions.cancel(again, wanted)
    assert Notice.objects.filter(job_id=lost.pk).count() == 2


def test_nobody_is_told_who_did_not_ask(wanted: User, bob: User) -> None:
    ended(wanted, notify=False)
    ended(bob)  # who has chosen no way
    job, attempt = rows.running(notify=True)  # nobody's
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())
    assert not Notice.objects.exists()
    job = rows.queued(owner=wanted)
    assert outbox.want(job, wanted=True)
    actions.cancel(job, wanted)
    assert Notice.objects.count() == 1
    assert not outbox.want(job, wanted=True)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_is_killed_around_the_commit_loses_none(
    when: str, wanted: User, receiver: Receiver
) -> None:
    job, _ = rows.running(owner=wanted, notify=True)
    command = [sys.executable, "-c", SETTLES, str(job.pk), when]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    settled = rows.changed(job).status == Status.SUCCEEDED
    assert (settled, Notice.objects.count()) == ((False, 0) if when == "before" else (True, 1))
    if when == "after":
        call_command("janitor", "--once")
        assert len(receiver.got) == 1


def test_a_janitor_that_is_killed_while_it_sends_loses_none(
    wanted: User, receiver: Receiver
) -> None:
    janitor = Janitor(NOTICES="webhook", WEBHOOK_HOSTS="127.0.0.1")
    receiver.free.clear()
    janitor.start()
    try:
        ended(wanted)
        assert receiver.arrived.wait(60)
        os.kill(janitor.pid, signal.SIGKILL)
        wait_until(lambda: not janitor.running)
    finally:
        janitor.stop()
    receiver.free.set()
    assert Notice.objects.get().told_at is None
    assert delivery.deliver() == 0  # until the claim of the dead one lapses
    due()
    assert delivery.deliver() == 1
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert Notice.objects.get().told_at


@pytest.mark.parametrize("status", [500, 302, 404, 429])
def test_it_is_sent_again_with_growing_pauses_and_not_for_ever(
    status: int, wanted: User, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = status
    ended(wanted)
    pauses = []
    while delivery.deliver():
        notice = Notice.objects.get()
        pauses.append(Notice.objects.filter(due_at__gt=later(4)).count())
        assert notice.reason == f"It answered {status}"
        due()
    assert (len(receiver.got), pauses) == (3, [1, 1, 0])
    assert {message.path for message in receiver.got} == {"/hook?x=1"}
    assert notice.due_at is None
    assert notice.told_at is None
    assert "is given up" in caplog.text
    assert 4 < delivery.pause(3) / delivery.pause(2) < 9
    assert delivery.pause(20) <= 1.1 * delivery.LONGEST


def test_who_has_gone_for_good_is_asked_once(wanted: User, receiver: Receiver) -> None:
    receiver.status = 410
    ended(wanted)
    delivery.deliver()
    assert (Notice.objects.get().due_at, Notice.objects.get().reason) == (
        None,
        "It answered 410 Gone",
    )


@pytest.mark.parametrize("how", ["withdrawn", "locked out", "switched off"])
def test_what_nobody_wants_any_more_is_not_sent(
    how: str, wanted: User, receiver: Receiver, settings: Settings
) -> None:
    ended(wanted)
    if how == "withdrawn":
        outbox.choose(wanted.pk, {"webhook_url": ""})
    elif how == "locked out":
        User.objects.update(is_active=False)
    else:
        settings.HEADWAY = settings.HEADWAY | {"NOTICES": []}
    delivery.deliver()
    assert receiver.got == []
    assert Notice.objects.get().reason == delivery.UNWANTED


def test_one_receiver_that_does_not_answer_keeps_nobody_waiting(
    wanted: User, bob: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.5)
    receiver.trickles = True
    job = ended(wanted)
    same = {"owner": wanted, "channel": Channel.WEBHOOK, "job_id": job.pk, "due_at": rows.ago(9)}
    Notice.objects.bulk_create(Notice(kind=job.kind, status=job.status, **same) for _ in range(300))
    with Receiver() as another:
        outbox.choose(bob.pk, {"webhook_url": another.url})
        ended(bob)
        assert delivery.deliver() == 1 + delivery.PER_PERSON
        assert len(another.got) == 1
    reasons = {*Notice.objects.exclude(reason="").values_list("reason", flat=True)}
    assert reasons == {"It did not answer within 0 s"}


def test_a_database_that_takes_nothing_is_not_asked_without_pause(wanted: User) -> None:
    def refuse(connection: Any, **_: object) -> None:
        is_sqlite = connection.vendor == "sqlite"
        sql = "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
        connection.cursor().execute(sql)

    ended(wanted)
    connection_created.connect(refuse)
    try:
        assert delivery.deliver() == 0  # the janitor goes on at once after any other number
    finally:
        connection_created.disconnect(refuse)
    assert Notice.objects.get().tries == 0
    assert delivery.deliver() == 1


def test_thousands_of_one_person_keep_nobody_waiting(
    wanted: User, bob: User, receiver: Receiver
) -> None:
    for _ in range(5):
        ended(wanted)
    outbox.choose(bob.pk, {"webhook_url": receiver.url})
    last = ended(bob)
    Notice.objects.bulk_create(Notice(channel="email", job_id=last.pk) for _ in range(5))
    Notice.objects.filter(owner_id=None).update(due_at=later(-1))
    assert delivery.deliver() == delivery.PER_PERSON + delivery.PER_PERSON + 1
    assert str(last.pk) in str([each.body for each in receiver.got])


def test_it_connects_to_the_address_that_was_checked(
    wanted: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the second time it is asked for."""
    asked: list[Any] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **options: Any) -> Any:
        if host != "hook.test":
            return resolve(host, *args, **options)
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    outbox.choose(wanted.pk, {"webhook_url": receiver.url.replace("127.0.0.1", "hook.test")})
    ended(wanted)
    delivery.deliver()
    assert asked == ["hook.test"]
    assert receiver.got[0].headers["host"].startswith("hook.test:")


def test_what_was_told_long_ago_is_deleted(wanted: User) -> None:
    ended(wanted)
    waiting = Notice.objects.get()
    ended(wanted)
    told = Notice.objects.exclude(pk=waiting.pk)
    told.update(due_at=None)
    Notice.objects.update(created_at=rows.ago(8 * 86_400))
    assert not outbox.prune()
    assert [*Notice.objects.all()] == [waiting]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"NOTICES": ["pigeon"]}, "NOTICES: 'pigeon' is no way"),
        ({"NOTICES": ["email"]}, "set DEFAULT_FROM_EMAIL"),
        ({"WEBHOOK_HOSTS": ["http://a"]}, "WEBHOOK_HOSTS: 'http://a' is no host"),
        ({"SITE_URL": "jobs.example.com"}, "SITE_URL: use the address"),
        ({"NOTICE_MAX_TRIES": 0}, "NOTICE_MAX_TRIES"),
        ({"SHARE_MAX_DAYS": -1}, "SHARE_MAX_DAYS"),
    ],
)
def test_settings_that_cannot_work_are_told(
    values: dict[str, Any], told: str, settings: Settings
) -> None:
    settings.HEADWAY = settings.HEADWAY | values
    assert told in str([each for each in run_checks() if each.id == "headway.E001"])
