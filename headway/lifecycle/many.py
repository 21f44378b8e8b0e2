"""Starts many jobs of a kind: all of them or none, in few statements and round trips."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError
from django.views.decorators.debug import sensitive_variables

from headway import tracing
from headway.kinds import registry
from headway.kinds.celery_options import wanted
from headway.lifecycle import actions, announce, audit, database, dispatch, files, prepared
from headway.lifecycle.actions import ActionError
from headway.models import Job, Status

Described = tuple[Job, dict[str, Any]]


@sensitive_variables()
def start(
    kind: str,
    items: Sequence[Mapping[str, Any]],
    *,
    owner: Any = None,
    title: str | None = None,
    keys: Sequence[str | None] | None = None,
    ids: Sequence[uuid.UUID] | None = None,
    again: bool = False,
) -> list[Job]:
    """Stores a queued job for each of `items`, its parameters, in one transaction, and publishes
    them once that, or the surrounding one, is committed. The jobs are in the order of the items;
    one whose key (`keys`, one or None for each item) has started a job before is that job.

    `ids` are for the new rows; with `again` some may be there from a try whose answer got lost.
    Raises ActionError, with the number of the item, before anything is stored.
    """
    keys = list(keys) if keys is not None else [None] * len(items)
    if len(keys) != len(items):
        raise ActionError(f"There are {len(items)} items, but {len(keys)} keys: give one for each.")
    chosen = actions.kind_called(kind)
    pairs = zip(items, keys, ids or [uuid.uuid4() for _ in items], strict=True)
    wished: list[Described] = []
    for params, key, pk in pairs:
        with _numbered(len(wished)):
            wished.append(actions.described(chosen, params, owner, title, pk, key=key))
    stored = Job.objects.in_bulk([job.pk for job, _ in wished]) if again else {}
    dispatch.after_commit(*stored.values())
    with tracing.span("headway.start", kind=chosen.name, number=len(wished)):
        return _stored(chosen, wished, {str(pk): job for pk, job in stored.items()})


def _stored(chosen: registry.Kind, wished: list[Described], found: dict[str, Job]) -> list[Job]:
    """The job of each item, new ones in one transaction. `found`: rows that are there, by key."""
    asked, saved = wanted(chosen.task, {}), list[str]()
    tokens = [job.token for job, _ in wished if job.token]
    by_token = _with_tokens(tokens)
    jobs, new = list[Job](), list[Job]()
    try:
        for job, bound in wished:
            with _numbered(len(jobs)):
                first = found.get(str(job.pk)) or _first(job, by_token)
                if first is None:
                    actions.fill(job, chosen, bound, asked, saved)
                    new.append(job)
                    by_token |= {job.token: job} if job.token else {}
                jobs.append(first or job)
        if new:
            actions.require_room(new[0].owner_id, len(new))
        _insert(new)
    except BaseException as error:
        files.delete(saved)
        # Somebody has used one of the keys meanwhile: then that job is it.
        clashed = isinstance(error, IntegrityError)
        if clashed and set(_with_tokens(tokens).values()) - set(by_token.values()):
            return _stored(chosen, wished, found)
        raise
    return jobs


def _with_tokens(tokens: list[str]) -> dict[str, Job]:
    found = Job.objects.filter(token__in=tokens) if tokens else ()
    return {str(job.token): job for job in found}


def _first(job: Job, by_token: Mapping[str, Job]) -> Job | None:
    first = by_token.get(job.token) if job.token else None
    if first is not None and first.fingerprint != job.fingerprint:
        raise actions.KeyUsedError(actions.KEY_USED)
    return first


def _insert(new: list[Job]) -> None:
    if not new:
        return
    with database.atomic():
        prepared.insert_all(new)
        audit.write("start", new, Status.QUEUED)
        announce.signal_after_commit([job.pk for job in new], Status.QUEUED)
    dispatch.after_commit(*new)


@contextmanager
def _numbered(index: int) -> Iterator[None]:
    """Within it, what is refused says of which item."""
    try:
        yield
    except ActionError as error:
        raise type(error)(f"Item {index}: {error}") from error
