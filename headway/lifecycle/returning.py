"""Writes that give back the row, where the database can do that in one statement: a second one that
reads it costs as much again."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from django.db import connections, models
from django.db.models import FloatField, QuerySet, signals

from headway.lifecycle import database, prepared
from headway.models import Job

RETURNS = ("postgresql", "sqlite")
"""Databases of Django's whose UPDATE and INSERT have a RETURNING."""
FIELDS = Job._meta.concrete_fields
NAMES = [field.attname for field in FIELDS]
"""The columns of a job, in the order in which `job` takes them."""


def update(row: QuerySet[Job], pk: Any, **changes: Any) -> Job | None:
    """Changes the job `pk`, which `row` finds if it may be changed; the job as it is then, or None.
    To be called within a transaction."""
    return _updated(prepared.changing(row, changes, database.alias()), pk, {})


def updated(
    build: Callable[..., prepared.Update], *shape: Any, pk: Any, **given: Any
) -> Job | None:
    """The same by a statement that is built once (`prepared.update`), whose row is Given("pk")."""
    return _updated(prepared.updating(build, shape, database.alias()), pk, {"pk": pk, **given})


def insert(row: models.Model) -> None:
    """Inserts a new row, all of whose values are plain."""
    using = database.alias()
    if connections[using].vendor not in RETURNS:
        row.save(using=using, force_insert=True)
        return
    sent = {"sender": type(row), "instance": row, "raw": False, "using": using}
    signals.pre_save.send(**sent, update_fields=None)
    statement, values = prepared.insertion(row, using)
    key = connections[using].ops.quote_name(str(row._meta.pk.column))
    with connections[using].cursor() as cursor:
        cursor.execute(f"{statement} RETURNING {key}", values)
        ((row.pk,),) = cursor.fetchall()
    row._state.adding, row._state.db = False, using
    signals.post_save.send(**sent, update_fields=None, created=True)


def job(values: Sequence[Any]) -> Job:
    """The job of a row as the driver returned it: what a RawQuerySet would do, at a third of its
    cost, as it looks for each column's field again."""
    using, row = database.alias(), list(values)
    connection = connections[using]
    for number, converters, column in _converted(using):
        if row[number] is not None:  # as most are of a job that has not run
            for convert in converters:
                row[number] = convert(row[number], column, connection)
    return Job.from_db(using, NAMES, row)


def _updated(statement: prepared.Statement, pk: Any, given: dict[str, Any]) -> Job | None:
    using = database.alias()
    with connections[using].cursor() as cursor:
        if connections[using].vendor not in RETURNS:
            statement.execute(cursor, given)
            return Job.objects.using(using).get(pk=pk) if cursor.rowcount else None
        sql = f"{statement.sql} RETURNING {_columns(using)}"
        statement._replace(sql=sql).execute(cursor, given)
        found = cursor.fetchall()
    return job(found[0]) if found else None


@cache
def _columns(using: str) -> str:
    quote = connections[using].ops.quote_name
    return ", ".join(quote(str(field.column)) for field in FIELDS)


@cache
def _converted(using: str) -> list[tuple[int, list[Callable[..., Any]], Any]]:
    """The columns whose values are not what the driver returns, and what makes these of them."""
    operations, found = connections[using].ops, []
    for number, field in enumerate(FIELDS):
        column = field.get_col(Job._meta.db_table)
        own: list[Any] = operations.get_db_converters(column)
        own = own + column.get_db_converters(connections[using])
        if isinstance(field, FloatField):  # SQLite returns whole numbers as it was given them
            own = [*own, _float]
        if own:
            found.append((number, own, column))
    return found


def _float(value: Any, *_: Any) -> float:
    return float(value)
