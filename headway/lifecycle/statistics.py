"""What SQLite's planner knows of our tables. Autovacuum tells PostgreSQL's, nobody tells this one,
which then reads a long history by an index that does not fit the question."""

from django.apps import apps

from headway.lifecycle import database
from headway.lifecycle.leftovers import is_due

EVERY = 24 * 3600.0
"""Seconds between two looks."""
ROWS = 1000
"""Of each index, that are looked at: a few milliseconds, however long it is."""


def update_statistics() -> None:
    """Once a day (ANALYZE, PRAGMA analysis_limit)."""
    connection = database.connection()
    if connection.vendor != "sqlite" or not is_due("statistics", EVERY):
        return
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA analysis_limit={ROWS}")
        for model in apps.get_app_config("headway").get_models():
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")
