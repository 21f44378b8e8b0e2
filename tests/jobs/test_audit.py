"""The audit trail: every verb of anybody, by every way, in the transaction of the deed."""

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headway.lifecycle import actions, audit, janitor, many, removal
from headway.lifecycle.actions import ActionError, NotAllowedError
from headway.lifecycle.audit import Origin
from headway.models import AuditEntry, Job, Via
from headway.web import tokens
from tests.jobs import kinds
from tests.jobs.rows import ago, changed, queued

assert kinds
pytestmark = pytest.mark.usefixtures("valkey")
JSON = {"Accept": "application/json"}


@pytest.fixture
def alices(alice: User) -> Client:
    client = Client(REMOTE_ADDR="192.0.2.7")
    client.force_login(alice)
    return client


def trail(job: Job) -> list[tuple[str, str, str, str]]:
    """Oldest first: verb, who, by which way, result."""
    found = AuditEntry.objects.filter(job_id=job.pk).order_by("pk")
    return [(each.verb, each.name, each.via, each.result) for each in found]


def test_a_start_cancel_and_retry_on_the_page(alice: User, alices: Client) -> None:
    alices.post("/jobs/start/add/", {"a": "1", "b": "1"})
    job = Job.objects.get()
    alices.post(f"/jobs/{job.pk}/cancel/")
    alices.post(f"/jobs/{job.pk}/retry/")
    assert trail(job) == [
        ("start", "alice", "page", "queued"),
        ("cancel", "alice", "page", "cancelled"),
        ("retry", "alice", "page", "queued"),
    ]
    entry = AuditEntry.objects.order_by("pk")[0]
    assert (entry.by, entry.owner, entry.address) == (alice, alice, "192.0.2.7")
    assert (entry.title, entry.kind, entry.token, entry.bulk) == (job.title, "add", None, None)


def test_a_function_for_addresses_that_is_not_there_is_an_error(settings: Any) -> None:
    settings.HEADWAY = {**settings.HEADWAY, "CLIENT_ADDRESS": "nowhere.address"}
    assert "No module named 'nowhere'" in str([e for e in run_checks() if e.id == "headway.E042"])


def test_a_program_is_known_by_its_token(alice: User) -> None:
    token, text = tokens.issue(alice)
    client = Client(HTTP_AUTHORIZATION=f"Bearer {text}")
    client.post("/jobs/start/add/", {"a": 1}, content_type="application/json")
    entry = AuditEntry.objects.get()
    assert (entry.name, entry.via, entry.token) == ("alice", "api", token.pk)


def test_the_command_names_the_account_of_the_shell(db: None) -> None:
    call_command("start_job", "add", "--set", "a=1", stdout=StringIO())
    entry = AuditEntry.objects.get()
    assert (entry.via, entry.by) == ("command", None)
    assert entry.name == audit.shell().name
    assert entry.address


def test_many_that_start_at_once_and_what_is_done_by_code(alice: User) -> None:
    with audit.coming_from(Origin(user=alice, address="somewhere")):
        one, other = many.start("add", [{"a": 1}, {"a": 2}], owner=alice)
    assert trail(one) == trail(other) == [("start", "alice", "code", "queued")]
    assert trail(actions.start("add", {"a": 3})) == [("start", "", "code", "queued")]


def test_a_deletion_outlives_its_job(alice: User) -> None:
    job = actions.cancel(actions.start("add", {"a": 1}, owner=alice))
    removal.delete(job, by=alice)
    assert not Job.objects.exists()
    assert trail(job)[-1] == ("delete", "alice", "code", "deleted")


def test_what_is_active_is_not_deleted_and_nothing_says_so(alice: User) -> None:
    job = actions.start("add", {"a": 1}, owner=alice)
    with pytest.raises(ActionError, match="cancel it first"):
        removal.delete(job, by=alice)
    assert Job.objects.get() == job
    assert [verb for verb, *_ in trail(job)] == ["start"]


@pytest.mark.parametrize("verb", ["cancel", "retry", "delete"])
def test_what_was_refused_is_written_down(bob: User, verb: str) -> None:
    done = {"cancel": actions.cancel, "retry": actions.retry, "delete": removal.delete}[verb]
    job = queued()
    with pytest.raises(NotAllowedError):
        done(job, by=bob)
    assert trail(job) == [(verb, "bob", "code", "refused: no permission")]
    assert Job.objects.filter(pk=job.pk, status="queued").exists()


def test_what_is_rolled_back_was_not_done(alice: User) -> None:
    job = actions.start("add", {"a": 1}, owner=alice)
    with transaction.atomic():
        actions.cancel(job, by=alice)
        transaction.set_rollback(True)
    assert [verb for verb, *_ in trail(job)] == ["start"]


def test_a_start_that_comes_twice_is_one(alice: User) -> None:
    for _ in range(2):
        job = actions.start("add", {"a": 1}, owner=alice, key="once")
    assert len(trail(job)) == 1


def test_on_postgresql_it_costs_a_start_no_statement(db: None) -> None:
    with CaptureQueriesContext(connection) as asked:
        actions.start("add", {"a": 1})
    inserts = [each for each in asked if "INSERT INTO" in each["sql"]]
    assert len(inserts) == (1 if connection.vendor == "postgresql" else 2)


def test_an_entry_is_written_once(db: None) -> None:
    actions.start("add", {"a": 1})
    entry = AuditEntry.objects.get()
    entry.name = "nobody"
    with pytest.raises(TypeError, match="written once"):
        entry.save()


def test_it_is_kept_longer_than_the_job(db: None, settings: Any) -> None:
    settings.HEADWAY = {**settings.HEADWAY, "AUDIT_DAYS": 100}
    job = actions.cancel(actions.start("add", {"a": 1}))
    changed(job, finished_at=ago(91 * 86400))
    janitor.sweep()
    assert not Job.objects.exists()
    assert len(trail(job)) == 2
    AuditEntry.objects.filter(verb="start").update(at=ago(101 * 86400))
    janitor.sweep()
    assert [verb for verb, *_ in trail(job)] == ["cancel"]


def test_a_long_trail_is_pruned_by_sweeps_that_follow_at_once(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PER_SWEEP", 2)
    for number in range(3):
        actions.start("add", {"a": number}, owner=alice)
    AuditEntry.objects.update(at=ago(366 * 86400))
    assert janitor.sweep()
    assert not janitor.sweep()
    assert not AuditEntry.objects.exists()


def test_owners_see_it_without_addresses_and_others_do_not(
    alice: User, bob: User, boss: User, alices: Client
) -> None:
    with audit.coming_from(Origin(boss, Via.ADMIN, "192.0.2.99")):
        job = actions.start("add", {"a": 1}, owner=alice)
    address = f"/jobs/{job.pk}/trail/"
    seen = alices.get(address).content.decode()
    assert "boss" in seen
    assert "192.0.2.99" not in seen
    assert address in alices.get(f"/jobs/{job.pk}/").content.decode()
    others = Client()
    others.force_login(bob)
    assert others.get(address).status_code == 404
    others.force_login(boss)
    for page in (address, "/admin/headway/auditentry/", f"/admin/headway/job/{job.pk}/history/"):
        assert "192.0.2.99" in others.get(page).content.decode()
