"""Old jobs are deleted in portions, once each, when the rule for their kind and status says so;
what no row tells of goes, too."""

import os
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import ProtectedError
from django.db.models.signals import pre_delete
from django.utils import timezone
from pytest_django import Settings

from headway.checks import check_settings
from headway.lifecycle import (
    actions,
    belongings,
    database,
    files,
    leftovers,
    pruning,
    statistics,
)
from headway.models import Attempt, Job
from jobs.models import ImportedRow
from tests.jobs import rows
from tests.jobs.threads import at_once
from tests.support.stack import Valkey

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("valkey")]
DAY = 86400


def old(days: float = 91, **columns: object) -> Job:
    return rows.queued(
        **{"status": "succeeded", "attempt": 1, "finished_at": rows.ago(days * DAY)} | columns
    )


def many(count: int) -> list[Job]:
    """Old jobs, each with an attempt and a file."""
    same = {"kind": "add", "status": "failed", "finished_at": rows.ago(91 * DAY)}
    jobs = [Job(**same, title="Add", files=["a"]) for _ in range(count)]
    Job.objects.bulk_create(jobs)
    Attempt.objects.bulk_create(
        Attempt(job=job, number=1, started_at=rows.ago(91 * DAY)) for job in jobs
    )
    return jobs


@pytest.mark.parametrize("most", [30, 2000])
def test_a_job_goes_with_all_that_belongs_to_it(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    """In one transaction, or what belongs to it before it where that is too much."""
    monkeypatch.setattr(pruning._others, "size", 20)
    monkeypatch.setattr(belongings, "MOST", most)
    monkeypatch.setattr(belongings, "RICH", most - 10)
    gone = old(params={"file": "uploads/"})
    kept, plain = old(days=89), old()
    for job in (gone, kept):
        ImportedRow.objects.bulk_create(
            ImportedRow(job=job, line=line, data={}) for line in range(50)
        )
        default_storage.save(f"uploads/{job.pk}/a.csv", ContentFile(b"x"))
    assert pruning.prune() is False
    assert [*Job.objects.all()] == [kept]
    assert ImportedRow.objects.count() == 50
    assert not default_storage.exists(f"uploads/{gone.pk}")
    assert default_storage.exists(f"uploads/{kept.pk}/a.csv")
    assert not Job.objects.filter(pk=plain.pk).exists()


def test_many_small_belongings_go_with_fewer_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(belongings, "MOST", 10)
    many(25)
    known = belongings.plan()
    assert len(known.divided([*Job.objects.values_list("pk", flat=True)]).together) == 6
    assert pruning.prune() is False
    assert not Attempt.objects.exists()


@pytest.mark.parametrize(
    ("told", "looked"),
    [
        ({}, 0),
        ({"files": ["a"]}, 1),
        ({"params": {"file": "uploads/x/a"}}, 1),
        ({"attempt": 2}, 1),
        ({"status": "lost"}, 1),
    ],
)
def test_no_storage_is_asked_about_a_job_without_files(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, object], looked: int
) -> None:
    asked: list[uuid.UUID] = []
    monkeypatch.setattr(files, "delete_all_of", asked.append)
    job = old(91, **told)
    pruning.prune()
    assert asked == [job.pk] * looked
    assert not Job.objects.exists()


def test_what_a_project_has_tied_to_jobs_is_left_to_django() -> None:
    """Signals are sent for each row, and a job that is protected stays as it is, with its own."""
    [free, needed] = many(2)
    told: list[uuid.UUID] = []

    def deleted(instance: Attempt, **_: object) -> None:
        if instance.job_id == needed.pk:
            raise ProtectedError("An invoice needs it", {instance})
        told.append(instance.job_id)

    pre_delete.connect(deleted, sender=Attempt)
    try:
        assert pruning.prune() is False
    finally:
        pre_delete.disconnect(deleted, sender=Attempt)
    assert {*told} == {free.pk}
    assert [*Job.objects.all()] == [needed]
    assert Attempt.objects.get().job_id == needed.pk


def test_the_most_exact_rule_counts(settings: Settings) -> None:
    days = {"*/failed": 10, "add/*": 30, "add/lost": 5, "divide/succeeded": 200}
    settings.HEADWAY = settings.HEADWAY | {"RETENTION": days}
    wanted = {
        ("add", "failed"): 30,  # that of its kind before that of its status
        ("add", "lost"): 5,
        ("divide", "succeeded"): 200,
        ("divide", "failed"): 10,
        ("other", "succeeded"): 90,
        ("other", "failed"): 10,
    }
    kept = set()
    for (kind, status), limit in wanted.items():
        old(kind=kind, status=status, days=limit + 1)
        kept.add(old(kind=kind, status=status, days=limit - 1).pk)
    pruning.prune()
    assert set(Job.objects.values_list("pk", flat=True)) == kept


@pytest.mark.parametrize(
    "given", [{"add": 3}, {"add/done": 3}, {"add/*": 0}, {"add/*": "3"}, {3: 3}, ["add/*"]]
)
def test_a_wrong_rule_is_an_error(settings: Settings, given: object) -> None:
    settings.HEADWAY = settings.HEADWAY | {"RETENTION": given}
    assert ["RETENTION" in error.msg for error in check_settings()] == [True]


def test_janitors_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = many(300)
    monkeypatch.setattr(pruning._jobs, "size", 20)
    looked: list[uuid.UUID] = []
    delete = files.delete_all_of

    def noted(job: uuid.UUID) -> None:
        looked.append(job)
        delete(job)

    monkeypatch.setattr(files, "delete_all_of", noted)
    at_once([pruning.prune] * 2)
    assert sorted(looked) == sorted(job.pk for job in jobs)
    assert not Job.objects.exists()
    assert not Attempt.objects.exists()


def test_only_one_janitor_prunes_a_file_of_sqlite_at_a_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if database.connection().vendor != "sqlite":
        pytest.skip("its rows have locks of their own")
    old()
    file = tmp_path / "db.sqlite3"
    file.touch()
    monkeypatch.setitem(database.connection().settings_dict, "NAME", str(file))
    with database.alone_in_file() as alone:
        assert alone
        assert pruning.prune() is False
        assert Job.objects.count() == 1
    pruning.prune()
    assert not Job.objects.exists()


def test_what_a_dead_janitor_had_claimed_goes_later() -> None:
    old(lease_until=rows.ago(1))
    claimed = old(status="failed", lease_until=rows.ago(-60))
    pruning.prune()
    assert [*Job.objects.all()] == [claimed]
    with pytest.raises(actions.ActionError):
        actions.retry(claimed)  # its files may be gone


def test_a_round_ends_and_says_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    many(41)
    monkeypatch.setattr(pruning._jobs, "size", 20)
    monkeypatch.setattr(pruning, "LARGEST", 20)
    monkeypatch.setattr(pruning, "ROUND", 0.0)
    assert pruning.prune() is True
    assert Job.objects.count() == 21


def test_a_log_that_is_gone_already_keeps_no_job(valkey: Valkey) -> None:
    job = old()
    valkey.flush()
    pruning.prune()
    assert not Job.objects.filter(pk=job.pk).exists()


def test_sessions_that_have_expired_are_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_looked", {})
    monkeypatch.setattr(leftovers, "BATCH", 2)
    now = timezone.now()
    for number in range(5):
        Session.objects.create(session_key=f"old{number}", expire_date=now - timedelta(hours=1))
    Session.objects.create(session_key="living", expire_date=now + timedelta(hours=1))
    leftovers.clear_sessions()
    assert [each.session_key for each in Session.objects.all()] == ["living"]
    Session.objects.create(session_key="later", expire_date=now - timedelta(hours=1))
    leftovers.clear_sessions()
    assert Session.objects.count() == 2  # an hour has not passed


def test_sqlite_is_told_once_a_day_what_our_tables_are_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL finds out by itself")
    monkeypatch.setattr(leftovers, "_looked", {})

    def known() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tbl FROM sqlite_stat1")
            return {table for (table,) in cursor.fetchall()}

    statistics.update_statistics()
    assert Job._meta.db_table not in known()  # which is empty
    old()
    statistics.update_statistics()
    assert Job._meta.db_table not in known()  # a day has not passed
    monkeypatch.setattr(leftovers, "_looked", {})
    statistics.update_statistics()
    assert Job._meta.db_table in known()


def test_files_without_a_job_are_removed_when_they_are_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leftovers, "_looked", {})
    job, orphan, young = rows.queued().pk, uuid.uuid4(), uuid.uuid4()
    names = [
        default_storage.save(name, ContentFile(b"x"))
        for name in (
            f"uploads/{job}/a",
            f"results/{orphan}/2/b",
            f"uploads/{young}/c",
            "uploads/note",
        )
    ]
    for name in names:
        if str(young) not in name:
            os.utime(default_storage.path(name), (1, 1))
    leftovers.remove_orphans()
    assert [default_storage.exists(name) for name in names] == [True, False, True, True]
    assert not default_storage.exists(f"results/{orphan}")
    default_storage.delete("uploads/note")
