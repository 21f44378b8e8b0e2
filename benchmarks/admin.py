"""How long the pages of the admin take with a long history: rows by bulk insert, then each page as
a member of staff asks for it. `db ms`, what the database took of it, does not depend on what else
the machine does as the rest does."""

import contextlib
import json
import sys
import uuid

from benchmarks.databases import Database, PostgreSQL, SQLite
from benchmarks.processes import SERVER_CORE, Process
from benchmarks.site import Site
from benchmarks.table import Result

LIMIT = 300.0


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Target: 300 ms for each page with 1,000,000 jobs on either database."""
    rows = 2_000 if quick else 1_000_000
    result = Result("admin", f"pages of the admin, {rows:,} jobs", quick=quick)
    with contextlib.nullcontext() if quick else PostgreSQL.open() as server:
        databases: list[Database] = [SQLite(site.directory), *([server] if server else [])]
        for database in databases:
            for page, taken in _measure(site, database, rows, rounds).items():
                row = f"{page}, {database.name}"
                result.rows[row] = taken
                result.limit(row, "ms", row, LIMIT)
    return result


def _measure(site: Site, database: Database, rows: int, rounds: int) -> dict[str, dict[str, float]]:
    environment = {"DATABASE_URL": database.new(), "REDIS_URL": site.redis_url}
    environment |= {"DJANGO_SETTINGS_MODULE": "progress.settings"}
    command = [sys.executable, "-m", "benchmarks.admin_pages", str(rows), str(rounds)]
    log = site.directory / f"admin-{uuid.uuid4().hex}.log"
    process = Process(command, log, cores=SERVER_CORE, environment=environment, piped=True)
    try:
        found: dict[str, dict[str, float]] = json.loads(process.line())
        return found
    finally:
        process.stop()
