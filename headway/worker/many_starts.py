"""Starting many jobs of a task at once."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async

from headway.lifecycle import many, outage
from headway.models import Job
from headway.worker import current_progress


class ManyStarts:
    """What a task needs for it."""

    job_kind = ""

    def start_many(
        self,
        items: Sequence[Mapping[str, Any]],
        /,
        *,
        owner: Any = None,
        title: str | None = None,
        idempotency_keys: Sequence[str | None] | None = None,
    ) -> list[Job]:
        """Stores a job for each of `items`, a dict of parameters each, and returns them in this
        order: all, in one transaction after whose commit they are published, or none.

        `owner` and `title` are those of all, as in `start`. `idempotency_keys` has a key, or None,
        for each item. Raises ActionError, which names the item by its index, when one does not fit.
        """
        ids = [uuid.uuid4() for _ in items]  # the same, should the database not say that it did it
        tried = False

        def store() -> list[Job]:
            nonlocal tried
            again, tried = tried, True
            owned = owner or _owner_of_parent()
            options = {"owner": owned, "title": title, "keys": idempotency_keys}
            return many.start(self.job_kind, items, ids=ids, again=again, **options)

        # Only a job has the time: people who wait for an answer get an error instead.
        return outage.insist(store) if current_progress.running_job() else store()

    async def astart_many(self, items: Sequence[Mapping[str, Any]], /, **options: Any) -> list[Job]:
        """`start_many` for asynchronous code."""
        return await sync_to_async(self.start_many)(items, **options)


def start_many(
    task: ManyStarts, items: Sequence[Mapping[str, Any]], /, **options: Any
) -> list[Job]:
    """`task.start_many(items, ...)`."""
    return task.start_many(items, **options)


astart_many = sync_to_async(start_many)


def _owner_of_parent() -> Any:
    """Whose the job is that starts others."""
    parent = current_progress.running_job()
    found = Job.objects.filter(pk=parent).values_list("owner", flat=True) if parent else []
    return next(iter(found), None)
