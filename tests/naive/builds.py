"""The same acts on our build and on the naive one."""

import socket
import sys
import uuid
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import httpx
from django.contrib.auth.models import User
from django.db import connection

from headway.lifecycle import actions, dispatch
from headway.lifecycle.log import log
from headway.models import TERMINAL, Job
from headway.stream import Event
from headway.stream.sse import Message
from headway.web import tokens
from tests.faults.crew import BOUND, Crew, Sweeper, child_of
from tests.naive import kinds, site, web
from tests.support.oracles import numbers, violations
from tests.support.processes import wait_until
from tests.support.sockets import open_stream
from tests.support.stack import ProcfileProcess, Valkey, Web, Worker
from tests.support.users import session_of
from tests.support.viewer import Viewer

POOL = "4"
"""Processes of a worker: as many jobs as a scenario lets go wrong at once."""
ANSWER = 3.5
"""Seconds until a start must be answered: three, and half of one for a busy machine."""
SIGNED_IN = "sessionid"


class Visitor(Viewer):
    """A viewer with a browser's cookie, who has seen everything up to `cursor`."""

    def __init__(self, url: str, session: str, cursor: str = "") -> None:
        super().__init__(url, "", patience=3)
        self._headers = {"Cookie": f"{SIGNED_IN}={session}"}
        self._cursor = cursor

    @property
    def cursor(self) -> str:
        """What an EventSource would send when it comes back."""
        return self._cursor


class Build(ABC):
    """One way to run jobs."""

    patience: float
    """Seconds after which what has not happened never will."""
    valkey: Valkey
    processes: tuple[ProcfileProcess, ...]
    worker: Worker
    web: Web
    session: str

    def sign_in(self) -> None:
        """Somebody who may see everything has a session from now on."""
        self.user = User.objects.create_superuser("viewer")
        self.session = session_of(self.user)

    def address(self, job: str) -> str:
        """Of a job's stream."""
        return f"{self.web.url}/jobs/{job}/events/"

    def visit(self, job: str, cursor: str = "") -> Visitor:
        """Somebody who follows a job."""
        visitor = Visitor(self.address(job), self.session, cursor)
        visitor.start()
        return visitor

    def connect(self, job: str, *, buffer: int = 0) -> socket.socket:
        """A connection on which a job's stream has been asked for. `buffer`: bytes that the
        kernel keeps for who does not read."""
        cookie = f"Cookie: {SIGNED_IN}={self.session}"
        return open_stream(self.address(job), header=cookie, buffer=buffer)

    def ended(self, job: str) -> bool:
        """Whether there is nothing more to come."""
        return self.status(job) in TERMINAL

    @abstractmethod
    def start(self, kind: str = "witness", countdown: float = 0, **params: Any) -> str:
        """A new job, started by code."""

    @abstractmethod
    def store(self, **params: Any) -> str:
        """A new `witness` of which no message was sent, since the process died before."""

    @abstractmethod
    def deliver_again(self, job: str, **params: Any) -> None:
        """The broker hands the message of a `witness` out a second time."""

    @abstractmethod
    def click_twice(self, **params: Any) -> set[str]:
        """The `witness` jobs that a double click has started."""

    @abstractmethod
    def post(self) -> int:
        """A start in the browser; the status of the answer."""

    @abstractmethod
    def cancel(self, job: str) -> None:
        """Somebody asks a job to stop."""

    @abstractmethod
    def waiting(self) -> set[str]:
        """The jobs that have not begun."""

    @abstractmethod
    def status(self, job: str) -> str:
        """What people are shown."""

    @abstractmethod
    def result(self, job: str) -> object:
        """What it has brought, or None."""

    @abstractmethod
    def child(self, job: str) -> int:
        """The process that runs it."""

    @abstractmethod
    def shout(self, job: str, *texts: str) -> None:
        """A job says something, with no limit of its own to how much."""

    @abstractmethod
    def gaps(self, job: str, heard: list[Message]) -> list[str]:
        """A sentence for each event that a viewer of a job missed without being told."""


class Ours(Build):
    """This project."""

    patience = BOUND + 12

    def __init__(self, valkey: Valkey) -> None:
        self.valkey = valkey
        self.worker = Crew(kinds.__name__, WORKERS=POOL, WORKER_GRACE="1")
        self.web = Web(STREAM_KEEPALIVE="2", STREAM_RECHECK="1", STREAM_MAX_BYTES="1000000")
        self.processes = (self.worker, Sweeper(), self.web)

    def start(self, kind: str = "witness", countdown: float = 0, **params: Any) -> str:
        options = {"countdown": countdown} if countdown else {}
        return str(actions.start(kind, params, options=options).pk)

    def store(self, **params: Any) -> str:
        return str(Job.objects.create(kind="witness", title="Witness", params=params).pk)

    def deliver_again(self, job: str, **_: Any) -> None:
        dispatch.publish(Job.objects.get(pk=job))

    def click_twice(self, **params: Any) -> set[str]:
        token = uuid.uuid4().hex
        return {str(actions.start("witness", params, token=token).pk) for _ in range(2)}

    def post(self) -> int:
        headers = {"Authorization": f"Bearer {tokens.issue(self.user)[1]}"}
        url = f"{self.web.url}/jobs/start/simulate/"
        asked = {"seconds": 0.1, "steps": 1}
        return httpx.post(url, json=asked, headers=headers, timeout=30).status_code

    def cancel(self, job: str) -> None:
        with suppress(actions.ActionError):  # it has ended
            actions.cancel(Job.objects.get(pk=job))

    def waiting(self) -> set[str]:
        return {str(job.pk) for job in Job.objects.filter(status="queued")}

    def status(self, job: str) -> str:
        return Job.objects.get(pk=job).status

    def result(self, job: str) -> object:
        return Job.objects.get(pk=job).result

    def child(self, job: str) -> int:
        return child_of(Job.objects.get(pk=job))

    def shout(self, job: str, *texts: str) -> None:
        for text in texts:
            data = {"job": job, "attempt": 1, "level": "info", "text": text}
            log().append(job, Event("log", data), attempt=1)

    def gaps(self, job: str, heard: list[Message]) -> list[str]:
        later = self.visit(job, cursor="0")
        wait_until(lambda: later.record.done)
        return list(violations(heard, numbers(later.record.messages)))


class NaiveWorker(Worker):
    """A plain worker with what is in site.py."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**environment)
        options = ("worker", "--concurrency", POOL, "--loglevel", "INFO")
        self.command = [sys.executable, "-m", "celery", "--app", site.__name__, *options]

    def is_present(self) -> bool:
        """It keeps no note of itself."""
        return True


class NaiveWeb(Web):
    """Daphne with what is in web.py."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**environment)
        bound = ("--bind", "127.0.0.1", "--port", str(self.port))
        self.command = [sys.executable, "-m", "daphne", *bound, f"{web.__name__}:application"]


class Naive(Build):
    """What is in site.py and web.py."""

    patience = 2  # nothing of it wakes up by itself

    def __init__(self, valkey: Valkey) -> None:
        self.valkey = valkey
        surroundings = {
            "REDIS_URL": valkey.url,
            "DJANGO_SETTINGS_MODULE": "tests.naive.settings",
            "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        }
        self.worker = NaiveWorker(**surroundings)
        self.web = NaiveWeb(**surroundings)
        self.processes = (self.worker, self.web)
        site.REDIS = valkey.url
        site.app.conf.update(broker_url=valkey.url.replace("unix://", "redis+socket://"))

    def start(self, kind: str = "witness", countdown: float = 0, **params: Any) -> str:
        job = site.store()
        site.send(job, kind, countdown, **params)
        return job

    def store(self, **_: Any) -> str:
        return site.store()

    def deliver_again(self, job: str, **params: Any) -> None:
        site.send(job, "witness", **params)

    def click_twice(self, **params: Any) -> set[str]:
        return {self.start(**params) for _ in range(2)}

    def post(self) -> int:
        return httpx.post(f"{self.web.url}/start/", timeout=30).status_code

    def cancel(self, job: str) -> None:
        site.cancel(job)

    def waiting(self) -> set[str]:
        return {job for (job,) in site.sql("SELECT id FROM naive WHERE status = 'queued'")}

    def status(self, job: str) -> str:
        return str(self._column(job, "status"))

    def result(self, job: str) -> object:
        return self._column(job, "result")

    def child(self, job: str) -> int:
        return wait_until(lambda: int(str(self._column(job, "pid") or 0)))

    def shout(self, job: str, *texts: str) -> None:
        with self.valkey.client() as client:
            for text in texts:
                client.publish(job, text)

    def gaps(self, _job: str, heard: list[Message]) -> list[str]:
        seen = [int(message.data.split()[1]) for message in heard if message.data]
        missed = sorted({*range(seen[0], seen[-1])} - {*seen})
        return [f"{missed} never came"] if missed else []

    def _column(self, job: str, name: str) -> object:
        return site.sql(f"SELECT {name} FROM naive WHERE id = %s", job)[0][0]  # noqa: S608 - ours
