"""The demo: jobs in every state, which come and go by one command."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client

from headway.lifecycle import janitor
from headway.models import Attempt, AuditEntry, Job, LogChunk, Status
from jobs.demo import scenes, stage
from jobs.demo.rows import identity
from tests.support.stack import Valkey


@pytest.fixture(autouse=True)
def _real_redis(valkey: Valkey) -> None:
    valkey.flush()


@pytest.fixture
def demo(boss: User) -> Iterator[User]:
    """The demo, whose first person is the superuser; it is taken away again, with its files."""
    call_command("demo", "--force", stdout=StringIO())
    yield boss
    stage.remove()


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def test_there_is_a_job_in_every_state_of_each_of_three_people_over_a_month(demo: User) -> None:
    jobs = Job.objects.all()
    assert {*jobs.values_list("status", flat=True)} == {*Status}
    owners = {*jobs.values_list("owner__username", flat=True)}
    assert owners == {"boss", "maria.demo", "yusuf.demo"}
    first, last = (jobs.order_by("created_at")[at].created_at for at in (0, jobs.count() - 1))
    assert 28 <= (last - first).days <= 30
    assert LogChunk.objects.exists()
    assert Attempt.objects.filter(number__gt=1).exists()


def test_every_page_of_the_demo_answers(demo: User, client: Client) -> None:
    client.force_login(demo)
    pages = ["/?person=*", *(f"/jobs/{identity(each)}/" for each in scenes.all_states())]
    assert {client.get(page).status_code for page in pages} == {200}
    for each in scenes.all_states():
        job = Job.objects.get(pk=identity(each))
        for name in job.files:
            assert default_storage.exists(job.file_path(name))


def test_the_janitor_leaves_running_jobs_alone(demo: User) -> None:
    before = {*Job.objects.filter(status=Status.RUNNING).values_list("pk", flat=True)}
    janitor.give_up_lost()
    janitor.end_cancelled()
    assert {*Job.objects.filter(status=Status.RUNNING).values_list("pk", flat=True)} == before


def test_asking_twice_makes_it_once_and_it_is_the_same_each_time(demo: User) -> None:
    before = [*Job.objects.order_by("pk").values_list("pk", "title", "status", "result")]
    assert "there already" in told("--force")
    assert "removed" in told("--remove")
    told("--force")
    assert [*Job.objects.order_by("pk").values_list("pk", "title", "status", "result")] == before


def test_removing_takes_what_the_demo_made_and_nothing_else(demo: User) -> None:
    real = Job.objects.create(kind="simulate", title="Real", owner=demo)
    AuditEntry.objects.create(verb="start", job_id=real.pk, result="queued")
    upload = next(each for each in scenes.all_states() if each.upload)
    assert default_storage.exists(f"uploads/{identity(upload)}/{upload.upload}")
    told("--remove")
    assert [*Job.objects.all()] == [real]
    assert AuditEntry.objects.count() == 1
    assert [*User.objects.all()] == [demo]
    assert not default_storage.exists(f"uploads/{identity(upload)}/{upload.upload}")
    assert told("--remove").startswith("0 jobs")


def test_without_debug_it_asks_for_force(boss: User) -> None:
    with pytest.raises(CommandError, match="--force"):
        told()
    assert not Job.objects.exists()


def test_without_a_superuser_it_says_how_to_make_one(db: None) -> None:
    with pytest.raises(CommandError, match="createsuperuser"):
        told("--force")
