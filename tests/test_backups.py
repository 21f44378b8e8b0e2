"""What docs/operations.md says of backups saves everything and brings it back."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage

from headway.models import Attempt, Job, Status, result_path
from tests.support.pages import code
from tests.support.patience import PATIENCE
from tests.support.postgresql import PostgreSQL
from tests.support.programs import program
from tests.support.thorough import Many

PAGE = "docs/operations.md"
SAVE, RESTORE = code(PAGE, ".backup '$BACKUP"), code(PAGE, '"$BACKUP/db.sqlite3" "$BACKUP/sec')
DUMP, UNDUMP = code(PAGE, "pg_dump "), code(PAGE, "pg_restore ")


def run(script: str, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(file: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(file) as database:
        return database.execute("SELECT title, status FROM headway_job").fetchall()


@pytest.fixture
def directories(tmp_path: Path) -> dict[str, str]:
    """A DATA_DIR with a key, and an empty place for its backup."""
    found = {"DATA_DIR": tmp_path / "data", "BACKUP": tmp_path / "backup"}
    for path in found.values():
        path.mkdir(mode=0o700)
    (tmp_path / "data/secret_key").write_text("the key")
    return {name: str(path) for name, path in found.items()}


def test_sqlite_is_saved_while_it_is_written_to_and_comes_back(
    transactional_db: None, alice: User, directories: dict[str, str], tmp_path: Path
) -> None:
    del transactional_db
    program("sqlite3")
    job = Job.objects.create(kind="simulate", title="of alice", owner=alice, status="succeeded")
    Attempt.objects.create(job=job, number=1, status=Status.SUCCEEDED, started_at=job.created_at)
    data, backup = tmp_path / "data", tmp_path / "backup"
    files = FileSystemStorage(str(data / "files"), file_permissions_mode=0o600)
    name = files.save(result_path(job.pk, 1, "out.txt"), ContentFile(b"the result"))
    with sqlite3.connect(settings.DATABASES["default"]["NAME"]) as ours:
        live = sqlite3.connect(data / "db.sqlite3")
        ours.backup(live)

    live.execute("PRAGMA journal_mode=WAL")
    live.execute("UPDATE headway_job SET title = 'in the journal'")
    live.commit()  # not in the file itself yet
    run(SAVE, **directories)
    live.execute("DELETE FROM headway_attempt")
    live.execute("DELETE FROM headway_job")
    live.commit()
    files.delete(name)
    files.save(result_path(job.pk, 2, "later.txt"), ContentFile(b"of no row"))
    (data / "secret_key").unlink()
    (data / "valkey").mkdir()
    live.close()

    run(RESTORE, **directories)
    assert rows(data / "db.sqlite3") == [("in the journal", "succeeded")]
    assert Path(files.path(name)).read_bytes() == b"the result"
    assert not files.exists(result_path(job.pk, 2, "later.txt"))
    assert (data / "secret_key").read_text() == "the key"
    assert not (data / "valkey").exists()
    kept = [path for path in (*data.rglob("*"), *backup.rglob("*")) if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in kept if path.name != "secret_key"} == {0}


MAKE = """
from django.contrib.auth.models import User
from headway.models import Job
Job.objects.create(kind="simulate", title="of alice", owner=User.objects.create(username="alice"))
"""
SHOW = """
from headway.models import Job
print(*Job.objects.values_list("title", "owner__username", "status"))
"""


def test_postgresql_is_saved_and_comes_back_in_an_empty_database(
    directories: dict[str, str], many: Many
) -> None:
    """With `--thorough`: it starts a server and six processes."""
    if not many(0, thorough=1):
        pytest.skip("only with --thorough")
    server = PostgreSQL.create()
    try:
        manage = f"{sys.executable} manage.py"
        for name in ("before", "after"):
            options = f'-c "CREATE DATABASE {name}" "{server.address("postgres")}"'
            run(f"psql --quiet {options}")
        before = {**directories, "DATABASE_URL": server.address("before")}
        run(f"{manage} migrate --verbosity 0 && {manage} shell -v 0 -c '{MAKE}'", **before)
        run(DUMP, **before)
        after = {**directories, "DATABASE_URL": server.address("after")}
        run(UNDUMP, **after)
        run(f"{manage} migrate --check", **after)
        assert run(f"{manage} shell -v 0 -c '{SHOW}'", **after).strip() == str(
            ("of alice", "alice", "queued")
        )
    finally:
        server.close()
