"""The same acts on our build and on the naive one."""

import contextlib
import shlex
import threading
from abc import ABC, abstractmethod
from pathlib import Path

import redis
from django.contrib.auth.models import User

from jobs import actions, dispatch, tokens
from jobs.models import Job
from tests.faults.crew import Crew, Sweeper
from tests.naive import site
from tests.support.oracles import numbers, violations
from tests.support.processes import Process, wait_until
from tests.support.stack import Valkey, Web
from tests.support.viewer import Viewer

ENDS = ("succeeded", "failed", "cancelled", "lost")


class Build(ABC):
    """One way to run jobs. Every job is a `witness`: it writes into a ledger while it lives."""

    valkey: Valkey
    processes: tuple[Process, ...]
    worker: Process

    def begin(self) -> None:
        """Starts its processes."""
        for process in self.processes:
            process.start()
        self.worker.wait_for(lambda: " ready." in self.worker.output, 40)

    def end(self) -> None:
        """Ends them at once."""
        for process in self.processes:
            process.kill()

    @abstractmethod
    def start(self, ledger: Path, seconds: float) -> str:
        """A new job."""

    @abstractmethod
    def deliver_again(self, job: str) -> None:
        """The broker hands the job's message out a second time."""

    @abstractmethod
    def status(self, job: str) -> str:
        """What people are shown."""

    @abstractmethod
    def watch(self, job: str) -> None:
        """A viewer begins to look."""

    @abstractmethod
    def missed(self, job: str) -> list[str]:
        """A sentence for everything that the viewer missed without being told."""

    def ended(self, job: str) -> bool:
        """Whether there is nothing more to come."""
        return self.status(job) in ENDS


class Ours(Build):
    """This project."""

    def __init__(self, valkey: Valkey) -> None:
        self.valkey, self.worker, self.web = valkey, Crew(), Web()
        self.processes = (self.worker, Sweeper(), self.web)

    def start(self, ledger: Path, seconds: float) -> str:
        return str(actions.start("witness", {"ledger": str(ledger), "seconds": seconds}).pk)

    def deliver_again(self, job: str) -> None:
        dispatch.publish(Job.objects.get(pk=job))

    def status(self, job: str) -> str:
        return Job.objects.get(pk=job).status

    def watch(self, job: str) -> None:
        boss = User.objects.create_superuser("viewer")
        self.token = tokens.issue(boss)[1]
        self.viewer = self._viewer(job)

    def missed(self, job: str) -> list[str]:
        wait_until(lambda: self.viewer.record.done)
        later = self._viewer(job, cursor="0")
        wait_until(lambda: later.record.done)
        return list(violations(self.viewer.record.messages, numbers(later.record.messages)))

    def _viewer(self, job: str, cursor: str = "") -> Viewer:
        viewer = Viewer(f"{self.web.url}/jobs/{job}/events/", self.token)
        viewer._cursor = cursor
        viewer.start()
        wait_until(lambda: viewer.record.messages)
        return viewer


class Naive(Build):
    """What is in site.py."""

    def __init__(self, valkey: Valkey) -> None:
        command = f"celery --app {site.__name__} worker --concurrency 2 --loglevel INFO"
        self.valkey = valkey
        self.worker = Process("naive", shlex.split(command), REDIS_URL=valkey.url)
        self.processes = (self.worker,)
        site.REDIS = valkey.url
        site.app.conf.update(broker_url=valkey.url.replace("unix://", "redis+socket://"))

    def start(self, ledger: Path, seconds: float) -> str:
        self.last = (str(ledger), seconds)
        return site.start(*self.last)

    def deliver_again(self, job: str) -> None:
        site.work.delay(job, *self.last)

    def status(self, job: str) -> str:
        return site.status(job)

    def watch(self, job: str) -> None:
        self.heard: list[int] = []
        self.left = threading.Event()
        self.viewer = threading.Thread(target=self._listen, args=(job,))
        self.viewer.start()
        wait_until(lambda: self.heard)

    def missed(self, job: str) -> list[str]:
        wait_until(lambda: self.ended(job))
        self.left.set()
        self.viewer.join()
        gaps = sorted({*range(self.heard[0], self.heard[-1])} - {*self.heard})
        return [f"{gaps} never came"] if gaps else []

    def _listen(self, job: str) -> None:
        with redis.Redis.from_url(self.valkey.url) as client, client.pubsub() as channel:
            channel.subscribe(job)
            while not self.left.is_set():
                with contextlib.suppress(redis.ConnectionError):  # it connects anew by itself
                    message = channel.get_message(timeout=0.2)
                    if message and message["type"] == "message":
                        self.heard.append(int(message["data"]))
