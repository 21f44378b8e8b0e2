"""Whoever wants to know that a job has ended is told, whatever dies meanwhile, and nobody else."""

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db.backends.signals import connection_created
from pytest_django import Settings

from headway.lifecycle import actions, delivery, lease, observed, outbox
from headway.lifecycle.lease import later
from headway.lifecycle.traces import Traces
from headway.models import Notice, Status
from tests.jobs import rows
from tests.jobs.notified import due, ended
from tests.support.receiver import Receiver
from tests.support.stack import Janitor, wait_until

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
