"""One verb for many jobs, and their export, by the jobs that do it."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User

from headway import tasks
from headway.kinds import registry
from headway.lifecycle import actions, bulk
from headway.lifecycle.actions import ActionError
from headway.lifecycle.bulk import Selection
from headway.models import AuditEntry, Job
from headway.testing import JobRun, run_job
from headway.web.views import many
from tests.jobs import kinds
from tests.jobs.rows import queued

assert kinds
pytestmark = pytest.mark.usefixtures("valkey")
MINE = Selection(name=many.MINE)


def run(verb: str, selection: Selection, owner: Any, **more: Any) -> JobRun:
    asked = {"verb": verb, "selection": selection.stored()}
    return run_job(tasks.act_on_many, asked, owner=owner, **more)


def named(*jobs: Job) -> Selection:
    return Selection(ids=[str(job.pk) for job in jobs])


def statuses(**of: Any) -> list[str]:
    return sorted(Job.objects.filter(kind="add", **of).values_list("status", flat=True))


def test_all_that_match_are_cancelled_retried_and_deleted(alice: User, bob: User) -> None:
    for _ in range(3):
        queued(owner=alice)
    other = queued(owner=bob)
    assert run("cancel", MINE, alice).result == {"done": 3, "not changed": []}
    assert statuses(owner=alice) == ["cancelled"] * 3
    assert run("retry", Selection(name=many.MINE, text="kind=add"), alice).result["done"] == 3
    assert run("delete", Selection(name=many.MINE, text="kind=add"), alice).result == {
        "done": 0,
        "not changed": ["3: A job that has not ended cannot be deleted: cancel it first."],
    }
    run("cancel", Selection(name=many.MINE, text="kind=add"), alice)
    assert run("delete", Selection(name=many.MINE, text="kind=add"), alice).result["done"] == 3
    assert [*Job.objects.filter(kind="add")] == [other]
    assert other.status == "queued"


def test_what_is_not_ones_own_is_not_even_looked_at(alice: User, bob: User) -> None:
    mine, other = queued(owner=alice), queued(owner=bob)
    assert run("cancel", named(mine, other), alice).result == {"done": 1, "not changed": []}
    assert statuses(owner=bob) == ["queued"]


def test_who_may_only_look_is_refused_job_by_job(alice: User, bob: User) -> None:
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_job"))
    done = run("cancel", named(queued(owner=alice)), bob)
    assert done.result["not changed"] == ["1: You may view this job, but not change it."]
    assert [each["item"] for each in done.warnings] == ["Add"]
    assert statuses() == ["queued"]


def test_rights_are_those_at_the_time_of_doing(alice: User) -> None:
    job = queued(owner=alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    done = run("cancel", named(job), alice)
    assert (done.status, statuses()) == ("failed", ["queued"])
    assert "nothing was done" in done.reason


def test_nobody_may_do_anything(db: None) -> None:
    job = queued()
    assert run("cancel", named(job), None).status == "failed"
    assert statuses() == ["queued"]


def test_another_attempt_goes_on_where_the_last_one_was(alice: User) -> None:
    jobs = sorted((queued(owner=alice) for _ in range(4)), key=lambda job: job.pk)
    tally = {"done": 2, "refused": {"no": 1}, "last": str(jobs[1].pk)}
    done = run("cancel", named(*jobs), alice, restored=tally)
    assert done.result == {"done": 4, "not changed": ["1: no"]}
    assert [statuses(pk=job.pk) for job in jobs] == [["queued"]] * 2 + [["cancelled"]] * 2


def test_batches_leave_nobody_out(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    for _ in range(5):
        queued(owner=alice)
    assert run("cancel", MINE, alice).result["done"] == 5


def test_each_entry_of_the_trail_names_the_job_that_did_it(alice: User) -> None:
    job = queued(owner=alice)
    done = run("cancel", named(job), alice)
    entry = AuditEntry.objects.get(job_id=job.pk)
    assert (entry.verb, entry.name, entry.via, entry.bulk) == (
        "cancel",
        "alice",
        "bulk",
        done.job.pk,
    )


def test_a_deletion_waits_and_can_be_called_off(alice: User) -> None:
    job = actions.cancel(queued(owner=alice))
    asked = bulk.start("delete", named(job), alice)
    asked.refresh_from_db()
    assert asked.title == "Delete 1 job"
    assert asked.not_before is not None
    assert 5 < (asked.not_before - asked.created_at).total_seconds() < 15
    assert actions.cancel(asked, by=alice).status == "cancelled"
    assert Job.objects.filter(pk=job.pk).exists()


@pytest.mark.parametrize(
    ("verb", "selection", "said"),
    [
        ("shred", MINE, "There is no verb 'shred'"),
        ("cancel", Selection(ids=["x"]), "no id of a job"),
        ("cancel", Selection(ids=[]), "None of these jobs"),
        ("cancel", Selection(name="gone"), "can no longer be asked"),
        ("cancel", Selection(ids=["0" * 32] * 1001), "Name 1,000 jobs at most"),
    ],
)
def test_what_cannot_be_done_is_said(
    alice: User, verb: str, selection: Selection, said: str
) -> None:
    with pytest.raises(ActionError, match=said):
        bulk.start(verb, selection, alice)
    assert not Job.objects.exists()


def test_these_kinds_are_nobodys_to_start(alice: User, client: Any) -> None:
    client.force_login(alice)
    for kind in (bulk.ACT, bulk.EXPORT, bulk.PERSON):
        assert registry.get(kind).is_internal
        assert client.post(f"/jobs/start/{kind}/", {"verb": "cancel"}).status_code == 404
    assert "headway-many" not in client.get("/api/openapi.json").content.decode()


@pytest.mark.parametrize("name", ["csv", "jsonl"])
def test_an_export_has_what_the_person_may_see(alice: User, bob: User, name: str) -> None:
    queued(owner=alice, title="=1+1", params={"a": 1, "password": "x"})
    other = queued(owner=bob)
    asked = {"format": name, "selection": named(*Job.objects.all()).stored()}
    done = run_job(tasks.export_jobs, asked, owner=alice)
    assert done.result == {"jobs": 1}
    text = done.files[f"jobs.{name}"].decode()
    assert str(other.pk) not in text
    if name == "csv":
        [row] = csv.DictReader(StringIO(text))
        assert (row["title"], row["owner"]) == ("'=1+1", "alice")
        assert json.loads(row["params"])["a"] == 1
    else:
        record = json.loads(text)
        assert (record["title"], record["params"]["a"]) == ("=1+1", 1)
    assert '"x"' not in text
