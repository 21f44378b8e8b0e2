"""Those who use the installation while it suffers: they start, cancel and retry jobs, and watch."""

import random
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from django.db import InterfaceError, OperationalError, close_old_connections

from headway.client import StreamError, watch
from tests.nemesis.site import Site
from tests.support.person import Person
from tests.support.viewer import Viewer

CSV = b"name,age\n" + b"".join(b"%d,%d\n" % (row, row % 90) for row in range(3000))
KINDS: list[tuple[str, Callable[[random.Random], dict[str, object]]]] = [
    ("simulate", lambda chance: {"seconds": chance.uniform(0, 5), "steps": 50}),
    ("simulate", lambda chance: {"seconds": 3, "steps": 60, "fail_at": chance.uniform(10, 90)}),
    ("simulate", lambda _: {"seconds": 2, "steps": 40, "unknown_total": True}),
    ("ledger", lambda chance: {"seconds": chance.uniform(1, 12), "steps": 60}),
    ("ledger", lambda _: {"seconds": 1, "steps": 60}),
    ("writer", lambda chance: {"seconds": chance.uniform(1, 8), "rows": 60}),
    ("writer", lambda _: {"seconds": 4, "rows": 60}),
    ("deadly", lambda _: {}),
    ("stuck", lambda _: {}),
    ("hasty", lambda _: {}),
]
BACKLOG = 12
"""Jobs that are under way at most: more would only wait."""


class User(threading.Thread):
    """Somebody with a browser's patience who repeats what was not answered."""

    def __init__(self, site: Site, token: str, seed: int) -> None:
        super().__init__(name="user", daemon=True)
        self.person = Person(site.web.url, token)
        self.accepted: list[str] = []
        self.watched = ""
        """A job whose page is open, which is cancelled, and retried there."""
        self.asked: list[tuple[str, float, float, int]] = []
        """What each request was, when it began and ended, and the status of its answer, 0 for
        none."""
        self.viewers: list[Viewer] = []
        self._site, self._chance = site, random.Random(seed)
        self._stopped = threading.Event()

    def begin_watched(self) -> str:
        """Starts the job that is looked at; call it while all is well."""
        self.watched = self.person.start("ledger", seconds=20, steps=100)
        self.accepted.append(self.watched)
        return self.watched

    def stop(self) -> None:
        """Asks for nothing new."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """Does something every second."""
        while not self._stopped.wait(self._chance.uniform(0.3, 1.2)):
            act = self._chance.choice(
                [self.begin] * 6 + [self.import_rows, self.cancel, self.retry]
            )
            act()

    def begin(self) -> None:
        """Starts a job, at times by two clicks at once, and follows some."""
        if self._under_way() >= BACKLOG:
            return
        kind, parameters = self._chance.choice(KINDS)
        params, key = parameters(self._chance), uuid.uuid4().hex
        clicks = self._chance.choice([1, 1, 2])
        with ThreadPoolExecutor(clicks) as pool:
            jobs = set(pool.map(lambda _: self._start(kind, key, params), range(clicks)))
        jobs.discard("")
        assert len(jobs) <= 1, f"one start made {jobs}"
        self.accepted += jobs
        for job in jobs:
            if self._chance.random() < 0.3:
                self._follow(job)

    def import_rows(self) -> None:
        """Starts an import of a file."""
        file = {"file": ("people.csv", CSV, "text/csv")}
        answer = self._ask("POST", "/jobs/start/import-csv/", files=file)
        if answer is not None and answer.status_code == 202:
            self.accepted.append(answer.json()["job"])

    def cancel(self) -> None:
        """Cancels a job, which may have ended."""
        self._tell("cancel", [*self.accepted[-8:], self.watched])

    def retry(self) -> None:
        """Retries a job, which may not be over."""
        self._tell("retry", [job for job in self.accepted[-8:] if job != self.watched])

    def _tell(self, verb: str, jobs: list[str]) -> None:
        if jobs:
            self._ask("POST", f"/jobs/{self._chance.choice(jobs)}/{verb}/")

    def _start(self, kind: str, key: str, params: dict[str, object]) -> str:
        """Until it is answered, as a client with an idempotency key may; "" when stopped."""
        while not self._stopped.is_set():
            headers = {"Idempotency-Key": key}
            answer = self._ask("POST", f"/jobs/start/{kind}/", json=params, headers=headers)
            if answer is not None and answer.status_code == 202:
                return str(answer.json()["job"])
            self._stopped.wait(0.3)
        return ""

    def _ask(self, method: str, path: str, **options: object) -> httpx.Response | None:
        begun, status = time.monotonic(), 0
        try:
            answer = self.person.ask(method, path, **options)
            status = answer.status_code
            return answer
        except httpx.TransportError:
            return None
        finally:
            self.asked.append((f"{method} {path}", begun, time.monotonic(), status))

    def _under_way(self) -> int:
        from headway.models import ACTIVE, Job

        close_old_connections()
        try:
            return Job.objects.filter(status__in=ACTIVE).count()
        except (OperationalError, InterfaceError):  # the database is away
            return BACKLOG

    def _follow(self, job: str) -> None:
        lazy = self._chance.choice([0.0, 0.0, 1.0])
        url = f"{self._site.to_web.url}/jobs/{job}/events/"
        viewer = Viewer(url, self.person.token, patience=20, lazy=lazy, seed=len(self.viewers))
        viewer.start()
        self.viewers.append(viewer)


class Script(threading.Thread):
    """A program that follows all jobs of its owner by our own client, and keeps how each stands."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(name="script", daemon=True)
        self.statuses: dict[str, str] = {}
        self.problem = ""
        self._watch = watch(f"{url}/jobs/events/", token=token, backoff=0.5, timeout=20)

    def run(self) -> None:
        """For as long as the process lives."""
        try:
            for event in self._watch:
                if event.event in ("state", "snapshot"):
                    self.statuses[event.data["job"]] = event.data["status"]
        except StreamError as error:
            self.problem = f"{type(error).__name__}: {error}"
