"""The site of a checkout, with all of its processes, on one's own data."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile

from headway.models import Status
from headway.stream import Event, Log
from tests.clicks import data, fill
from tests.support.patience import PATIENCE
from tests.support.stack import Process, Valkey, Web


@contextmanager
def site(checkout: Path, valkey: Valkey, **how: Any) -> Iterator[str]:
    """Its URL; `how` as below."""
    with installation(checkout, valkey, **how) as web:
        yield web.url


@contextmanager
def installation(
    checkout: Path,
    valkey: Valkey,
    *,
    collects: bool = False,
    roles: Sequence[str] = ("worker", "janitor"),
    filling: data.Filling | None = None,
    settings: Mapping[str, str] | None = None,
) -> Iterator[Web]:
    """Its web process; `checkout` may be an older one, whose Procfile has the same three lines.
    Nobody waits for the worker: a page says that there is none until it has come. `collects`:
    static files are compressed, as in production; `roles`: what runs beside it;
    `filling`: other jobs than those of the tasks; `settings`: the environment's."""
    valkey.flush()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "REDIS_URL": valkey.url,
            "PYTHONPATH": str(checkout),
            "WORKERS": "2",
            "JOB_STALLED_AFTER": "5",
            **(settings or {}),
        }
        _fill(checkout, environment, valkey, filling or data.everything())
        if collects:
            command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
            environ = os.environ | environment
            subprocess.run(command, cwd=checkout, env=environ, check=True, timeout=4 * PATIENCE)
        known = parse_procfile((checkout / "Procfile").read_text()).processes
        web = Web(**environment)
        others = [Process(name, ["/bin/sh", "-c", known[name]], **environment) for name in roles]
        web.command = ["/bin/sh", "-c", known["web"]]
        processes: list[Process] = [web, *others]
        try:
            for process in processes:
                process.checkout = checkout
                process.start()
            yield web
        finally:
            for process in processes:
                process.kill()


def _fill(
    checkout: Path, environment: dict[str, str], valkey: Valkey, filling: data.Filling
) -> None:
    """The rows, and in Redis the last words of the jobs that run."""
    given, made = filling
    subprocess.run(
        [sys.executable, Path(fill.__file__)],
        cwd=checkout,
        env=os.environ | environment,
        input=given.encode(),
        check=True,
        timeout=4 * PATIENCE,
    )
    log = Log(valkey.url)
    try:
        for each in made:
            if each.job.status == Status.RUNNING:
                newest = each.attempts[-1]
                event = Event("progress", newest.progress)
                log.append(str(each.job.pk), event, attempt=newest.number)
    finally:
        log.close()
