"""One conditional UPDATE that gives back the row, where the database can do that in one statement:
a second one that reads it costs as much again."""

from typing import Any

from django.db import connections, router
from django.db.models import FloatField, QuerySet
from django.db.models.sql import UpdateQuery

from headway.models import Job

FLOATS = [each.name for each in Job._meta.local_fields if isinstance(each, FloatField)]
RETURNS = ("postgresql", "sqlite")
"""Databases of Django's whose UPDATE has a RETURNING."""


def update(jobs: QuerySet[Job], pk: Any, **changes: Any) -> Job | None:
    """Changes the job `pk` if it is one of `jobs`; the job as it is then, or None where it is none
    of them. To be called within a transaction."""
    row, using = jobs.filter(pk=pk), router.db_for_write(Job)
    if connections[using].vendor not in RETURNS:
        return Job.objects.using(using).get(pk=pk) if row.update(**changes) else None
    query = row.query.chain(UpdateQuery)
    query.clear_ordering(force=True)
    query.add_update_values(changes)
    statement, params = query.get_compiler(using).as_sql()
    for job in list(Job.objects.using(using).raw(f"{statement} RETURNING *", params)):
        for name in FLOATS:  # SQLite returns the whole numbers that it was given as they were
            value = getattr(job, name)
            setattr(job, name, None if value is None else float(value))
        return job
    return None
