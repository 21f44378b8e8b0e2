"""Processes of two releases beside each other, as in each rolling deploy: two checkouts of this
repository. Only with `--thorough`."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.client import watch
from headway.models import Job, Status
from headway.web import tokens
from tests.support.patience import PATIENCE
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.stack import Janitor, ProcfileProcess, Valkey, Web, Worker
from tests.support.thorough import Figure, Many

SCHEMA = [f"{app}/migrations/0001_initial.py" for app in ("headway", "jobs", "progress")]
VERSIONED = ("-S", "VERSION = 1", "--", "headway/worker/messages.py")


def git(*arguments: str) -> bytes:
    done = subprocess.run(
        ["git", *arguments], cwd=settings.BASE_DIR, capture_output=True, check=False
    )
    return done.stdout if done.returncode == 0 else b""


def older_release() -> str:
    """The newest tag; before the first, the commit since which what is written has versions."""
    tags = git("tag", "--list", "v*", "--sort=-v:refname", "--merged").decode().split()
    return (tags or git("log", "--reverse", "--format=%H", *VERSIONED).decode().split() or [""])[0]


@pytest.fixture
def older(tmp_path: Path, many: Many, record_property: Figure) -> Path:
    """A checkout of it."""
    if not many(0, thorough=1):
        pytest.skip("only with --thorough")
    release = older_release()
    if not (release and (archive := git("archive", release))):
        pytest.skip("there is no history of git here that reaches back to the release before")
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(tmp_path / "older", filter="data")
    changed = [
        name
        for name in SCHEMA
        if (tmp_path / "older" / name).read_bytes() != (settings.BASE_DIR / name).read_bytes()
    ]
    if changed:
        pytest.skip(f"{', '.join(changed)}: the schema was not frozen at that commit")
    record_property("older", release)
    return tmp_path / "older"


@pytest.fixture(params=["web is older", "worker and janitor are older"])
def processes(
    request: pytest.FixtureRequest, older: Path, valkey: Valkey, transactional_db: None
) -> Iterator[tuple[Web, Worker, Janitor]]:
    valkey.flush()
    web, worker, janitor = Web(), Worker(), Janitor(JOB_REPUBLISH_AFTER="2")
    behind: list[ProcfileProcess] = [web] if request.param == "web is older" else [worker, janitor]
    for process in behind:
        process.checkout = older
        process.environment["DATA_DIR"] = str(settings.DATA_DIR)
    with ExitStack() as stack:
        for process in (web, worker, janitor):
            process.start()
            stack.callback(process.stop)
        yield web, worker, janitor
        for process in (web, worker, janitor):
            assert "Traceback" not in process.output
    shutil.rmtree(older, ignore_errors=True)


def test_jobs_run_across_two_releases(processes: tuple[Web, Worker, Janitor], alice: User) -> None:
    """Started and followed by one, run by the other; cancelled, and tried again after a failure."""
    web, worker, _ = processes
    token = tokens.issue(alice)[1]

    def follow(job: str) -> list[str]:
        events = watch(f"{web.url}/jobs/{job}/events/", token=token, give_up=PATIENCE)
        return [event.event for event in events]

    with Person(web.url, token) as person:
        job = person.start(seconds=2, steps=20)
        seen = follow(job)
        assert "resync" not in seen
        assert {"snapshot", "progress", "state"} <= {*seen}
        assert Job.objects.get(pk=job).status == Status.SUCCEEDED

        long = person.start(seconds=600, steps=6000)
        wait_until(lambda: Job.objects.get(pk=long).status == Status.RUNNING)
        assert person.cancel(long).is_success
        follow(long)
        assert Job.objects.get(pk=long).status == Status.CANCELLED

        bad = person.start(seconds=1, steps=10, fail_at=50)
        follow(bad)
        assert Job.objects.get(pk=bad).status == Status.FAILED
        assert person.ask("POST", f"/jobs/{bad}/retry/").is_success
        wait_until(lambda: Job.objects.get(pk=bad).attempt == 2)

        kept = person.start(seconds=5, steps=50)
        wait_until(lambda: Job.objects.get(pk=kept).status == Status.RUNNING)
        worker.kill()  # and the janitor of the other release gives it back
        worker.start()
        follow(kept)
        assert Job.objects.get(pk=kept).status == Status.SUCCEEDED
