"""Rows that go with their job: attempts, their logs, shared links, and those of a project's own
models. They are deleted by their job, the deepest first; what needs more than that, by Django."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import models
from django.db.models import CASCADE, DO_NOTHING, QuerySet
from django.db.models.deletion import get_candidate_relations_to_delete
from django.db.models.signals import post_delete, pre_delete

from headway.lifecycle import database, prepared
from headway.models import Job

RICH = 100
"""Rows of one model from which on those of a job may be too many for one transaction."""
MOST = 2000
"""Rows of one model that go in one transaction."""


class Belongings(NamedTuple):
    """Rows of one model, and how they lead to their job: by `attempt__job`."""

    model: type[models.Model]
    path: str

    def rows(self) -> QuerySet[Any]:
        """All of them."""
        return self.model._base_manager.using(database.alias()).order_by()

    def of(self, number: int) -> QuerySet[Any]:
        """Those of so many jobs, which are given when a statement of it is executed."""
        return self.rows().filter(**{f"{self.path}__pk__in": _places(number)})

    def owners(self, number: int, most: int) -> QuerySet[Any, Any]:
        """The job of each of those, of so many at most."""
        return self.of(number).values_list(f"{self.path}__pk")[:most]


class Plan(NamedTuple):
    """What is deleted before a job, in this order. Not `whole`: there are relations beyond it, with
    signals or rules of their own, which Django follows for each job. `places`: of so many jobs at
    most are its statements."""

    first: tuple[Belongings, ...]
    whole: bool
    places: int = 16

    def prepare(self) -> None:
        """Builds its statements, so that nobody waits for that while it holds a lock."""
        for each in self.first:
            prepared.selecting(Belongings.owners, each, self.places, MOST + 1)
            prepared.deleting(Belongings.of, each, self.places)
        if self.whole:
            prepared.deleting(_of_keys, self.places)

    def divided(self, jobs: list[uuid.UUID]) -> "Division":
        """Of some jobs those that can go in one transaction; or some that are too rich for one."""
        found = []
        for each in self.first:
            while seen := _owners(each, jobs, self.places):
                if len(seen) <= MOST:
                    found.append(each)
                    break
                if rich := [job for job, count in Counter(seen).items() if count > RICH]:
                    return Division([], [*map(Job._meta.pk.to_python, rich)], self)
                jobs = jobs[: len(jobs) // 2]
        return Division(jobs, [], self._replace(first=tuple(found)))

    def delete_some(self, job: uuid.UUID, count: int) -> list[Any]:
        """Deletes so many of a job's rows at most; none is left when there is nothing to return."""
        for each in self.first:
            own = each.rows().filter(**{f"{each.path}__pk": job})
            if keys := list(own.values_list("pk", flat=True)[:count]):
                each.rows().filter(pk__in=keys)._raw_delete(database.alias())
                return keys
        return []

    def delete(self, keys: Sequence[uuid.UUID], only: QuerySet[Job] | None = None) -> int:
        """Deletes jobs, those of them that `only` finds, with all that is theirs; how many there
        were. Raises ProtectedError and RestrictedError."""
        if not keys:
            return 0
        for each in self.first:
            prepared.delete(Belongings.of, each, self.places, jobs=keys)
        if not self.whole:  # else Django would look for what is gone already
            jobs = Job.objects.filter(pk__in=keys) if only is None else only
            return jobs.delete()[1].get(Job._meta.label, 0)
        if only is None:
            return prepared.delete(_of_keys, self.places, jobs=keys)
        return int(only.order_by()._raw_delete(database.alias()))


class Division(NamedTuple):
    """`plan`: what is to be deleted before `together`, without that of which there is nothing."""

    together: list[uuid.UUID]
    rich: list[uuid.UUID]
    plan: Plan


def _owners(each: Belongings, jobs: Sequence[uuid.UUID], places: int) -> list[Any]:
    """The keys of the jobs of such rows, as the database's driver returns them."""
    if not jobs:
        return []
    shape = (each, places, MOST + 1)
    return [key for (key,) in prepared.select(Belongings.owners, *shape, jobs=jobs)]


def _places(number: int) -> list[Any]:
    return [prepared.Each("jobs", each, Job._meta.pk) for each in range(number)]


def _of_keys(number: int) -> QuerySet[Job]:
    return Job.objects.filter(pk__in=_places(number))


def plan(places: int = 16) -> Plan:
    """For the models and signals as they are now, and so many jobs at once at most."""
    first, whole = _within(Job, "")
    return Plan(tuple(first), whole, places)


def _within(model: type[models.Model], path: str) -> tuple[list[Belongings], bool]:
    found: list[Belongings] = []
    whole = _is_plain(model)
    relations: Iterable[Any] = get_candidate_relations_to_delete(model._meta)
    for relation in relations:
        if relation.on_delete is DO_NOTHING:
            continue
        own = f"{relation.field.name}__{path}" if path else relation.field.name
        deeper: list[Belongings] = []
        all_of_it = False
        if relation.on_delete is CASCADE and relation.related_model is not model:
            deeper, all_of_it = _within(relation.related_model, own)
        found += deeper
        if all_of_it:
            found.append(Belongings(relation.related_model, own))
        whole = whole and all_of_it
    return found, whole


def _is_plain(model: type[models.Model]) -> bool:
    """Whether its rows may go without a word: no signals, parents or generic relations."""
    options = model._meta
    signals = pre_delete.has_listeners(model) or post_delete.has_listeners(model)
    generic = any(hasattr(field, "bulk_related_objects") for field in options.private_fields)
    return not (signals or generic or (options.concrete_model or model)._meta.parents)
