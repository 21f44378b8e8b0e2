"""One UPDATE whose SQL Django has built once: that takes twice as long as to run it, and it is the
same for every job (docs/performance.md, jobs)."""

import uuid
from functools import cache
from typing import Any

from django.db import connections, router
from django.db.models.functions import Now
from django.db.models.sql import UpdateQuery

from headway.models import Job, Status

ID, ATTEMPT = uuid.UUID(int=0), 2**31 - 1
"""In the place of a job's own, which no job has."""


def note_published(job: Job) -> bool:
    """Notes that the message of a job is sent. False if it is not queued for it any more, or if
    somebody else has noted that."""
    using = router.db_for_write(Job)
    statement, params = _built(using)
    connection = connections[using]
    own = {_key(ID, connection): _key(job.pk, connection), ATTEMPT: job.attempt}
    with connection.cursor() as cursor:
        cursor.execute(statement, [own.get(each, each) for each in params])
        return bool(cursor.rowcount)


@cache
def _built(using: str) -> tuple[str, tuple[Any, ...]]:
    row = Job.objects.filter(pk=ID, attempt=ATTEMPT, status=Status.QUEUED, published_at=None)
    query: Any = row.query.chain(UpdateQuery)
    query.clear_ordering(force=True)
    query.add_update_values({"published_at": Now()})
    return query.get_compiler(using).as_sql()  # type: ignore[no-any-return]


def _key(pk: uuid.UUID, connection: Any) -> Any:
    return Job._meta.pk.get_db_prep_value(pk, connection)
