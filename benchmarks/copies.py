"""Many rows from one: written by the database itself, before its indexes."""

from collections.abc import Mapping
from typing import Any


def multiply(row: Any, each: int | str, changed: Mapping[str, str]) -> None:
    """Copies `row` so many times, or once for each row of a table, which SQL knows as `s`; of a
    number, `s.n` is counted from 1. `changed`: column -> SQL of its value in a copy."""
    from django.db import connection

    model, lite = type(row), connection.vendor == "sqlite"
    given = dict(changed)
    if model._meta.pk.get_internal_type() == "UUIDField":
        given["id"] = "lower(hex(randomblob(16)))" if lite else "gen_random_uuid()"
    fields = [each for each in model._meta.concrete_fields if not each.primary_key]
    columns = [*(["id"] if "id" in given else []), *(str(field.column) for field in fields)]
    values = ", ".join(given.get(column, f'source."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {each})"  # noqa: S608 - all of it is ours
    places = each if isinstance(each, str) else f"({numbers} SELECT n FROM s)"  # noqa: S608 - as above
    table, known = model._meta.db_table, row.pk.hex if hasattr(row.pk, "hex") else row.pk
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.remove_index(model, index)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {values}"  # noqa: S608 - all of it is ours
            f" FROM {places} AS s, {table} AS source WHERE source.id = '{known}'"
        )
    with connection.schema_editor() as editor:
        for index in model._meta.indexes:
            editor.add_index(model, index)


def settled() -> None:
    """What PostgreSQL, or the janitor for SQLite, finds out about the rows after a while."""
    from django.db import connection

    from headway.lifecycle.statistics import update_statistics

    update_statistics()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
