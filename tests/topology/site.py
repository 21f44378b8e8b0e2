"""Two web processes, two workers and two janitors behind nginx as deploy/ has it, and those who use
them all the time."""

import threading
import time
from collections import Counter
from functools import partial
from types import TracebackType
from typing import Self

import httpx

from tests.support.nginx import Nginx, as_documented
from tests.support.person import Person
from tests.support.stack import Janitor, ProcfileProcess, Web, Worker

EVERY = 0.2


class Site:
    """All of it; with one janitor where it is not `whole`, since each process costs seconds.
    `environment` goes to each."""

    def __init__(self, *, whole: bool, **environment: str) -> None:
        self.webs = [Web(**environment) for _ in range(2)]
        self.workers = [Worker(**environment) for _ in range(2)]
        self.janitors = [Janitor(**environment) for _ in range(2 if whole else 1)]
        first, second = self.webs
        self.nginx = Nginx(first.port, partial(as_documented, other=second.port))
        self.url = self.nginx.url

    @property
    def parts(self) -> list[ProcfileProcess]:
        """In the order of docs/deploying.md, "A new version"."""
        return [*self.workers, *self.janitors, *self.webs]

    def __enter__(self) -> Self:
        for process in self.parts:
            process.begin()
        for process in self.parts:
            process.await_ready()
        self.nginx.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        for process in (self.nginx, *self.parts):
            process.stop()


def restart(process: ProcfileProcess) -> None:
    """As a process manager does."""
    process.stop()
    process.start()


class Visitor(threading.Thread):
    """Asks for pages, one after the other, and starts a job now and then."""

    def __init__(self, person: Person, paths: list[str]) -> None:
        super().__init__(name="visitor", daemon=True)
        self.answers: Counter[str] = Counter()
        """How often each address was answered how."""
        self.started: list[str] = []
        self._person, self._paths = person, paths
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Asks for nothing more."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """Until it is stopped."""
        begun = time.monotonic()
        while not self._stopped.wait(EVERY):
            for path in self._paths:
                self._note(path, self._person.ask("GET", path))
            if time.monotonic() - begun > 2:
                begun = time.monotonic()
                params = {"seconds": 0.5, "steps": 5}
                answer = self._person.ask("POST", "/jobs/start/simulate/", json=params)
                self._note("start", answer)
                self.started += [answer.json()["job"]] if answer.status_code == 202 else []

    def _note(self, what: str, answer: httpx.Response) -> None:
        self.answers[f"{what}: {answer.status_code}"] += 1
