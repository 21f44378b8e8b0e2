"""Statements whose SQL Django has built once: that takes longer than to run them, and it is the
same for every job (docs/performance.md, jobs)."""

import uuid
from functools import cache
from typing import Any

from django.db import connections, models, router
from django.db.models.functions import Now
from django.db.models.sql import InsertQuery, UpdateQuery

from headway.models import Job, Status

ID, ATTEMPT = uuid.UUID(int=0), 2**31 - 1
"""In the place of a job's own, which no job has."""
KEY = models.AutoField


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


def insertion(row: models.Model, using: str) -> tuple[str, list[Any]]:
    """The INSERT of a new row, all of whose values are plain, and its parameters. The key that the
    database gives it stays unknown."""
    statement, fields = _inserting(type(row), using)
    connection = connections[using]
    return statement, [f.get_db_prep_save(f.pre_save(row, True), connection) for f in fields]


@cache
def _inserting(model: type[models.Model], using: str) -> tuple[str, list[Any]]:
    fields: list[Any] = [f for f in model._meta.concrete_fields if not isinstance(f, KEY)]
    query = InsertQuery(model)
    query.insert_values(fields, [model()])
    ((statement, _),) = query.get_compiler(using).as_sql()
    return statement, fields


@cache
def _built(using: str) -> tuple[str, tuple[Any, ...]]:
    row = Job.objects.filter(pk=ID, attempt=ATTEMPT, status=Status.QUEUED, published_at=None)
    query: Any = row.query.chain(UpdateQuery)
    query.clear_ordering(force=True)
    query.add_update_values({"published_at": Now()})
    return query.get_compiler(using).as_sql()  # type: ignore[no-any-return]


def _key(pk: uuid.UUID, connection: Any) -> Any:
    return Job._meta.pk.get_db_prep_value(pk, connection)
