"""Rows that are looked up by statements built once are those that Django's own would find."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Manager, QuerySet
from django.forms.models import model_to_dict
from django.test.utils import CaptureQueriesContext

from headway.lifecycle import lookups
from headway.models import Job
from tests.support.users import make_user

pytestmark = pytest.mark.django_db


def owned(rows: Any, keys: Any) -> Any:
    return rows.filter(pk__in=keys).values_list("pk", "owner_id", "created_at", "params")


@pytest.mark.parametrize("number", [1, 2, 10, 11, 101, 501])
def test_they_are_found_whatever_their_number(number: int) -> None:
    person = make_user("person")
    jobs = [Job(kind="x", owner=person, params={"n": [n]}) for n in range(min(number, 12))]
    Job.objects.bulk_create(jobs)
    keys = [*(job.pk for job in jobs), *(uuid.uuid4() for _ in range(number - len(jobs)))]
    found = [tuple(row) for row in lookups.values(owned, Job._base_manager, keys)]
    assert len(found) == len(jobs)
    assert sorted(found) == sorted(owned(Job.objects, keys))
    assert lookups.values(owned, Job._base_manager, []) == []


def test_a_person_is_the_object_that_django_reads() -> None:
    person = make_user("person")
    keys = [person.pk, person.pk + 1]
    [ours] = lookups.people(User._default_manager, keys).values()
    theirs = User.objects.get(pk=person.pk)
    assert (model_to_dict(ours), ours.pk) == (model_to_dict(theirs), theirs.pk)
    for field in User._meta.concrete_fields:
        mine, its = getattr(ours, field.attname), getattr(theirs, field.attname)
        assert (mine, type(mine)) == (its, type(its)), field
    assert (ours._state.db, ours._state.adding) == (theirs._state.db, False)
    assert not ours.get_deferred_fields()


class Here(QuerySet[User]):
    """Finds other people from one moment to the next, as by the site that is asked for."""

    hidden = ""

    def filter(self, *args: Any, **given: Any) -> "Here":
        return super().filter(*args, **given).exclude(username=self.hidden)


class Now(Manager[User]):
    """The same in another way."""

    hidden = ""

    def get_queryset(self) -> QuerySet[User]:
        return super().get_queryset().exclude(username=self.hidden)


@pytest.mark.parametrize("kind", [Manager.from_queryset(Here), Now])
def test_a_manager_of_its_own_is_asked_each_time(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, manager = make_user("person"), kind()
    manager.model = User
    assert lookups.people(manager, [person.pk]) == {person.pk: person}
    monkeypatch.setattr(Here, "hidden", "person")
    monkeypatch.setattr(Now, "hidden", "person")
    assert lookups.people(manager, [person.pk]) == {}


def test_their_sql_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make_user("person")
    lookups.people(User._default_manager, [person.pk])
    monkeypatch.setattr(QuerySet, "filter", None)
    with CaptureQueriesContext(connection) as queries:
        assert [*lookups.people(User._default_manager, [person.pk])] == [person.pk]
    assert len(queries) == 1
