"""Counts that are known at once, however many rows there are: more than a thousand is "1,000+"."""

from collections.abc import Hashable, Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models.expressions import RawSQL

from headway.kinds.numbers import grouped
from headway.models import Job, JobQuerySet

MOST = 1000
K = TypeVar("K", bound=Hashable)


def counts(parts: Mapping[K, JobQuerySet], limits: Mapping[K, int] | None = None) -> dict[K, int]:
    """How many jobs each query finds, up to one more than its limit (MOST where `limits` has none),
    by one statement for all: a row of subqueries that each end there."""
    asked, columns, values = _subqueries(parts, limits or {})
    found: dict[K, int] = dict.fromkeys(parts, 0)
    if asked:
        with connections[router.db_for_read(Job)].cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(columns)}", values)
            found |= dict(zip(asked, cursor.fetchone(), strict=True))
    return found


def counts_between(
    parts: Mapping[K, JobQuerySet], times: Sequence[tuple[datetime, datetime]], most: int
) -> dict[tuple[int, K], int]:
    """The same of the jobs that were queued from one time on and before another, by the place of
    the two in `times`. The queries are the same for all of them, so they are planned once."""
    connection = connections[router.db_for_read(Job)]
    since, until = RawSQL("times.since", ()), RawSQL("times.until", ())
    within = {
        key: jobs.filter(created_at__gte=since, created_at__lt=until) for key, jobs in parts.items()
    }
    asked, columns, values = _subqueries(within, dict.fromkeys(within, most))
    found = dict.fromkeys(product(range(len(times)), parts), 0)
    if not asked or not times:
        return found
    field = Job._meta.get_field("created_at")
    rows = []
    for number, moments in enumerate(times):
        rows.append("SELECT %s AS place, %s AS since, %s AS until")
        values += [number, *(field.get_db_prep_value(each, connection) for each in moments)]
    sql = f"SELECT place, {', '.join(columns)} FROM ({' UNION ALL '.join(rows)}) AS times"  # noqa: S608 - as above
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for place, *numbers in cursor.fetchall():
            found |= {(place, key): n for key, n in zip(asked, numbers, strict=True)}
    return found


def _subqueries(
    parts: Mapping[K, JobQuerySet], limits: Mapping[K, int]
) -> tuple[list[K], list[str], list[Any]]:
    """Of those that can find something: key, SQL of a column, and all values together."""
    connection = connections[router.db_for_read(Job)]
    asked, columns, values = [], [], []
    for key, jobs in parts.items():
        query = jobs.order_by().values("status")[: limits.get(key, MOST) + 1].query
        try:
            sql, params = query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            continue
        asked.append(key)
        columns.append(f"(SELECT COUNT(*) FROM ({sql}) AS part)")  # noqa: S608 - by the ORM
        values += params
    return asked, columns, values


def counted(number: int) -> str:
    """214, or 1,000+."""
    return f"{grouped(MOST)}+" if number > MOST else grouped(number)
