"""A double click starts one job."""

from functools import partial

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile

from headway.lifecycle import actions
from headway.models import Job
from tests.jobs.threads import at_once


@pytest.mark.django_db(transaction=True)
def test_parallel_starts_with_one_token_give_one_job(alice: User) -> None:
    for number in range(5):
        start = partial(actions.start, "add", {"a": 1}, owner=alice, token=f"token-{number}")
        jobs = at_once([start] * 6)
        assert len({job.pk for job in jobs if isinstance(job, Job)}) == 1
        assert not [job for job in jobs if isinstance(job, Exception)]
    assert Job.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_upload_of_the_loser_is_not_kept(alice: User) -> None:
    acts = [
        partial(
            actions.start,
            "add",
            {"a": SimpleUploadedFile("twice.csv", b"a,b")},
            owner=alice,
            token="once",
        )
        for _ in range(4)
    ]
    jobs = at_once(acts)
    (kept,) = {str(job.pk) for job in jobs if isinstance(job, Job)}
    folders, _ = default_storage.listdir("uploads")
    with_files = [one for one in folders if default_storage.listdir(f"uploads/{one}")[1]]
    assert kept in with_files
    assert len({one for one in with_files if one in {str(j.pk) for j in Job.objects.all()}}) == 1


def test_a_token_is_each_owners_own(alice: User, bob: User) -> None:
    first = actions.start("add", {"a": 1}, owner=alice, token="t")
    second = actions.start("add", {"a": 1}, owner=bob, token="t")
    nobodys = actions.start("add", {"a": 1}, token="t")
    assert len({first.pk, second.pk, nobodys.pk}) == 3
    assert actions.start("add", {"a": 1}, token="t").pk == nobodys.pk


def test_a_token_starts_no_job_of_another_kind(alice: User) -> None:
    actions.start("add", {"a": 1}, owner=alice, token="t")
    with pytest.raises(actions.TokenUsedError, match="already started a job of another kind"):
        actions.start("polite", {}, owner=alice, token="t")


def test_people_who_used_one_token_can_both_be_deleted(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        actions.start("add", {"a": 1}, owner=owner, token="t")
    User.objects.all().delete()
    assert Job.objects.filter(owner=None).count() == 2


def test_without_a_token_every_start_counts(alice: User) -> None:
    for _ in range(2):
        actions.start("add", {"a": 1}, owner=alice)
    assert Job.objects.count() == 2
