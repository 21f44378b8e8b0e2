"""Statements that are built once store and read what Django's own would."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from headway.lifecycle import prepared, returning
from headway.lifecycle.prepared import Given
from headway.models import Job, Status
from tests.jobs import rows

pytestmark = pytest.mark.usefixtures("db")
ODD: dict[str, Any] = {
    "params": {"text": "50 % of “all”", "none": None, "list": [1, 2.5, True]},
    "options": {"headers": {"a": "%s"}},
    "title": "a'b\\c %s %(x)s",
    "token": uuid.uuid4().hex,
    "not_before": rows.ago(5),
    "percent": 50,
    "result": ["done"],
    "notify": True,
}


def stored(job: Job) -> dict[str, Any]:
    """All columns as they are in the database, but for the key and what says that it is one."""
    assert not job._state.adding
    found: Any = Job.objects.filter(pk=job.pk).values().get()
    return {name: found[name] for name in found if name not in ("id", "token", "created_at")}


def test_many_rows_are_what_bulk_create_makes_of_them() -> None:
    ours = [Job(**ODD | {"token": None if n else "t"}) for n in range(60)]
    prepared.insert_all(ours)
    theirs = Job(**ODD | {"token": None})
    Job.objects.bulk_create([theirs])
    assert all(stored(job) == stored(theirs) for job in ours)
    assert [Job.objects.get(pk=job.pk).created_at for job in ours] == [j.created_at for j in ours]


def test_a_row_that_a_statement_gives_back_is_the_one_that_django_reads() -> None:
    job = rows.changed(rows.queued(), **ODD)
    given = returning.update(Job.objects.filter(pk=job.pk), job.pk, reason="changed")
    assert given is not None
    read = Job.objects.get(pk=job.pk)
    assert model_to_dict(given) == model_to_dict(read)
    for name in returning.NAMES:
        assert type(getattr(given, name)) is type(getattr(read, name)), name
        assert getattr(given, name) == getattr(read, name), name
    assert given._state.db == read._state.db


def _titled(*statuses: Status) -> prepared.Update:
    waiting = Job.objects.filter(pk=Given("pk"), status__in=statuses)
    return waiting, {"title": Given("title"), "params": Given("params"), "percent": None}


def test_a_statement_takes_other_values_each_time_and_is_built_once_for_each_shape() -> None:
    for title, params in (("a'b %s", {"a": None}), ("", {}), ("ü", {"b": [1]})):
        job = rows.queued(percent=1)
        with CaptureQueriesContext(connection) as asked:
            wanted = {"pk": job.pk, "title": title, "params": params}
            assert prepared.update(_titled, Status.FAILED, **wanted) == 0
            assert prepared.update(_titled, Status.QUEUED, Status.FAILED, **wanted) == 1
        assert len(asked) == 2
        found = Job.objects.get(pk=job.pk)
        assert (found.title, found.params, found.percent) == (title, params, None)
