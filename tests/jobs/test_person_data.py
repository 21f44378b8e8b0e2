"""All that is kept of a person: exported, and erased."""

import json
import zipfile
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from headway import tasks
from headway.lifecycle import actions, audit, bulk
from headway.lifecycle.audit import Origin
from headway.models import ApiToken, Attempt, AuditEntry, Job, result_path
from headway.testing import run_job
from headway.web import tokens
from progress.models import FailedSignIn
from progress.sign_in_throttle import account_of
from tests.jobs import kinds
from tests.jobs.rows import queued

assert kinds
pytestmark = pytest.mark.usefixtures("valkey")

LINE = {"n": 1, "t": 1.5, "level": "info", "text": "a line"}


@pytest.fixture
def job(alice: User, bob: User) -> Job:
    """Alice's, which bob has cancelled; with a file, a line, a token and a failed sign-in."""
    with audit.coming_from(Origin(alice, address="192.0.2.7")):
        made = actions.start("add", {"a": 1}, owner=alice, title="Of Alice")
    with audit.coming_from(Origin(bob)):
        actions.cancel(made)
    Attempt.objects.create(job=made, number=1, started_at=timezone.now(), lines=[LINE])
    Job.objects.filter(pk=made.pk).update(attempt=1, files=["out.txt"])
    default_storage.save(result_path(made.pk, 1, "out.txt"), ContentFile(b"hello"))
    tokens.issue(alice, "laptop")
    now = timezone.now()
    FailedSignIn.objects.create(account=account_of("alice"), address="192.0.2.8", at=now)
    FailedSignIn.objects.create(account=account_of("bob"), address="192.0.2.8", at=now)
    queued(owner=bob)
    return made


def test_all_of_it_is_in_one_archive(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "alice.zip"
    call_command("export_person", "alice", str(path), stdout=StringIO())
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        [record] = map(json.loads, archive.read("jobs.jsonl").decode().splitlines())
        assert (record["id"], record["params"]) == (str(job.pk), {"a": 1})
        assert record["attempts"][0]["lines"] == [LINE]
        assert archive.read(f"files/results/{job.pk}/1/out.txt") == b"hello"
        assert "laptop" in archive.read("tokens.jsonl").decode()
        assert "192.0.2.7" in archive.read("audit.jsonl").decode()
        assert archive.read("failed-sign-ins.jsonl").decode().count("192.0.2.8") == 1
    with pytest.raises(CommandError, match="exists"):
        call_command("export_person", "alice", str(path))


def test_nothing_of_it_is_left_but_what_nobody_is_known_by(job: Job, bob: User) -> None:
    call_command("erase_person", "alice", "--yes", stdout=StringIO())
    assert [each.owner for each in Job.objects.all()] == [bob]
    assert not default_storage.exists(result_path(job.pk, 1, "out.txt"))
    assert not ApiToken.objects.exists()
    assert [each.account for each in FailedSignIn.objects.all()] == [account_of("bob")]
    entries = AuditEntry.objects.filter(job_id=job.pk).order_by("pk")
    assert [each.title for each in entries] == [""] * 3
    assert entries[0].name.startswith("erased-")
    assert (entries[0].address, entries[0].by, entries[0].owner) == ("", None, None)
    assert (entries[1].name, entries[1].by) == ("bob", bob)
    assert AuditEntry.objects.filter(verb="erase", via="command").exists()
    call_command("erase_person", "alice", "--yes", "--account", stdout=StringIO())
    assert not User.objects.filter(username="alice").exists()


def test_it_takes_a_yes_and_a_person(job: Job) -> None:
    with pytest.raises(CommandError, match="repeat it with --yes"):
        call_command("erase_person", "alice")
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        call_command("erase_person", "nobody", "--yes")
    assert Job.objects.filter(pk=job.pk).exists()


def test_what_runs_is_told_to_stop_first(job: Job, alice: User) -> None:
    running = queued(owner=alice)
    Job.objects.filter(pk=running.pk).update(status="running")
    with pytest.raises(CommandError, match="1 of the jobs have yet to stop"):
        call_command("erase_person", "alice", "--yes")
    assert Job.objects.get(pk=running.pk).status == "cancelling"
    assert Job.objects.filter(pk=job.pk).exists()


def test_staff_ask_for_it_by_a_job(job: Job, alice: User, bob: User, boss: User) -> None:
    done = run_job(tasks.about_person, {"verb": "export", "person": str(alice.pk)}, owner=boss)
    assert done.files["person.zip"][:2] == b"PK"
    refused = run_job(tasks.about_person, {"verb": "erase", "person": str(alice.pk)}, owner=bob)
    assert refused.status == "failed"
    assert Job.objects.filter(pk=job.pk).exists()
    with pytest.raises(actions.ActionError, match="You may not"):
        bulk.about_person("export", alice, bob)
    with pytest.raises(actions.ActionError, match="Somebody else"):
        bulk.about_person("erase", boss, boss)
    done = run_job(tasks.about_person, {"verb": "erase", "person": str(alice.pk)}, owner=boss)
    assert done.result == {"jobs erased": 1}
