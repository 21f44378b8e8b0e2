"""The installation that is measured: a Valkey, a database, one user, jobs and sessions, all in a
temporary directory. Importing this module does nothing; `Site.open()` sets Django up."""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.databases import Database
from benchmarks.processes import CLIENT_CORE, Process

ROOMY = "1000000"


@dataclass
class Site:
    """Where everything is. `log` is an open Log on `redis_url`."""

    directory: Path
    redis_url: str
    valkey: Process
    log: Any
    user: Any
    database: Database | None = None
    """The server of the database, where it is not a file."""
    sessions: list[str] = field(default_factory=list)

    @classmethod
    @contextmanager
    def open(cls, database: Database | None = None) -> Iterator["Site"]:
        """Starts Valkey, migrates a database (a SQLite file, unless a server is given) and makes a
        user; ends and removes it all after."""
        directory = Path(tempfile.mkdtemp(prefix="progress-bench-"))
        with contextlib.ExitStack() as stack:
            stack.callback(shutil.rmtree, directory, ignore_errors=True)
            _environment(directory)
            if database:
                os.environ["DATABASE_URL"] = database.new()
            import django
            from django.conf import settings

            django.setup()
            from headway.ops.embedded_valkey import EmbeddedValkey

            server = EmbeddedValkey(settings.EMBEDDED_VALKEY_DIR, settings.EMBEDDED_VALKEY_SOCKET)
            server.prepare()
            valkey = Process(server.command, directory / "valkey.log", cores=CLIENT_CORE)
            stack.callback(valkey.stop)
            valkey.wait_for(server.responds)
            log = _log(server.url)
            stack.callback(log.close)
            yield cls(directory, server.url, valkey, log, _user(), database)

    @property
    def redis_socket(self) -> str:
        """The path in `redis_url`."""
        return self.redis_url.removeprefix("unix://")

    def redis_clients(self) -> int:
        """How many connections Valkey has."""
        import redis

        with redis.Redis.from_url(self.redis_url) as client:
            info: Any = client.info("clients")
        return int(info["connected_clients"])

    def cut_live_connections(self) -> None:
        """Closes the connections over which live messages come."""
        import redis

        with redis.Redis.from_url(self.redis_url) as client:
            client.client_kill_filter(_type="pubsub")

    def jobs(self, count: int) -> list[str]:
        """New running jobs of the user, in the database and in the log."""
        from headway.models import Job, Status
        from headway.stream import Event

        rows = [
            Job(kind="simulate", title="Benchmark", owner=self.user, status=Status.RUNNING)
            for _ in range(count)
        ]
        for row in rows:
            row.attempt = 1
        Job.objects.bulk_create(rows)
        for row in rows:
            data = {"job": str(row.pk), "attempt": 1, "status": "running"}
            self.log.append(str(row.pk), Event("state", data), attempt=1, created=True)
        return [str(row.pk) for row in rows]

    def finish(self, job: str) -> None:
        """Ends a running job as a worker would: the row first, then the log."""
        from django.db.models.functions import Now

        from headway.lifecycle import announce
        from headway.models import Job, Status

        Job.objects.filter(pk=job).update(status=Status.SUCCEEDED, finished_at=Now())
        announce.state(job)

    def cookies(self, count: int) -> list[str]:
        """Cookie headers of as many sessions of the user, a row of the database for each."""
        from django.conf import settings

        if len(self.sessions) < count:
            self.sessions += sessions(self.user, count - len(self.sessions))
        return [f"{settings.SESSION_COOKIE_NAME}={key}" for key in self.sessions[:count]]

    def cursor(self, jobs: list[str]) -> int:
        """The cursor that a page of these jobs would have been rendered with."""
        return int(self.log.read(jobs).cursor)


def _environment(directory: Path) -> None:
    """What the project reads at start-up. The caps on streams would refuse the load."""
    for name in ("REDIS_URL", "CELERY_BROKER_URL", "DATABASE_URL", "DEBUG", "HTTPS"):
        os.environ.pop(name, None)
    os.environ["DATA_DIR"] = str(directory)
    os.environ["SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["DJANGO_SETTINGS_MODULE"] = "progress.settings"
    os.environ["LOG_LEVEL"] = "WARNING"  # some processes answer on their standard output
    os.environ["STREAM_MAX"] = os.environ["STREAM_MAX_PER_USER"] = ROOMY


def _log(url: str) -> Any:
    from headway.stream import Log

    return Log(url)


def _user() -> Any:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return User.objects.create_user("bench", password=None)


def sessions(user: Any, count: int) -> list[str]:
    """The keys of as many new sessions of a user."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    store = SessionStore()
    data = store.encode(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend",
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
    )
    until = timezone.now() + timedelta(days=1)
    rows = [
        Session(session_key=secrets.token_hex(20), session_data=data, expire_date=until)
        for _ in range(count)
    ]
    Session.objects.bulk_create(rows)
    return [row.session_key for row in rows]
