"""A double click starts one job."""

from functools import partial
from typing import Any

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


def test_a_form_that_is_sent_again_with_other_values_means_another_job(alice: User) -> None:
    first = actions.start("add", {"a": 1}, owner=alice, token="t")
    assert actions.start("add", {"a": 2}, owner=alice, token="t").pk != first.pk
    assert actions.start("polite", {}, owner=alice, token="t").pk != first.pk
    assert actions.start("add", {"a": 1}, owner=alice, token="t").pk == first.pk


def test_a_key_starts_no_job_with_other_parameters_or_of_another_kind(alice: User) -> None:
    first = actions.start("add", {"a": 1}, owner=alice, key="k")
    for kind, params in (("add", {"a": 2}), ("polite", {})):
        with pytest.raises(actions.KeyUsedError, match="with other parameters"):
            actions.start(kind, params, owner=alice, key="k")
    assert actions.start("add", {"a": 1}, owner=alice, key="k").pk == first.pk
    assert Job.objects.count() == 1


def upload(name: str, content: bytes) -> dict[str, Any]:
    return {"a": SimpleUploadedFile(name, content)}


def test_uploads_count_by_name_and_content(alice: User) -> None:
    first = actions.start("add", upload("a.csv", b"1,2"), owner=alice, key="k")
    again = actions.start("add", upload("a.csv", b"1,2"), owner=alice, key="k")
    assert again.pk == first.pk
    with default_storage.open(first.params["a"]) as stored:
        assert stored.read() == b"1,2"
    for other in (upload("a.csv", b"3,4"), upload("b.csv", b"1,2")):
        with pytest.raises(actions.KeyUsedError):
            actions.start("add", other, owner=alice, key="k")


@pytest.mark.django_db(transaction=True)
def test_of_parallel_starts_with_one_key_and_other_parameters_one_wins(alice: User) -> None:
    acts = [partial(actions.start, "add", {"a": n}, owner=alice, key="k") for n in range(4)]
    done = at_once(acts)
    assert len([each for each in done if isinstance(each, Job)]) == 1
    assert len([each for each in done if isinstance(each, actions.KeyUsedError)]) == 3


def test_people_who_used_one_token_can_both_be_deleted(alice: User, bob: User) -> None:
    for owner in (alice, bob):
        actions.start("add", {"a": 1}, owner=owner, token="t")
    User.objects.all().delete()
    assert Job.objects.filter(owner=None).count() == 2


def test_without_a_token_every_start_counts(alice: User) -> None:
    for _ in range(2):
        actions.start("add", {"a": 1}, owner=alice)
    assert Job.objects.count() == 2
