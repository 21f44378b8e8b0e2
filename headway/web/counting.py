"""Counts that are known at once, however many rows there are: more than a thousand is "1,000+"."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections, router

from headway.models import Job, JobQuerySet

MOST = 1000
K = TypeVar("K", bound=Hashable)


def counts(parts: Mapping[K, JobQuerySet], most: int | None = None) -> dict[K, int]:
    """How many jobs each query finds, up to one more than `most` (by default MOST), by one
    statement for all: a row of subqueries that each end there."""
    most = MOST if most is None else most
    connection = connections[router.db_for_read(Job)]
    found: dict[K, int] = dict.fromkeys(parts, 0)
    asked, columns, values = [], [], []
    for key, jobs in parts.items():
        query = jobs.order_by().values("status")[: most + 1].query
        try:
            sql, params = query.get_compiler(connection=connection).as_sql()
        except EmptyResultSet:
            continue
        asked.append(key)
        columns.append(f"(SELECT COUNT(*) FROM ({sql}) AS part)")  # noqa: S608 - by the ORM
        values += params
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(columns)}", values)
            found |= dict(zip(asked, cursor.fetchone(), strict=True))
    return found


def counted(number: int) -> str:
    """214, or 1,000+."""
    return f"{MOST:,}+" if number > MOST else f"{number:,}"
