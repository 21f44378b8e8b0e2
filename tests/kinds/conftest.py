"""Runs a task's function as a worker would, in the test's own process and thread."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from headway.lifecycle import lease
from headway.models import Job, result_path
from headway.stream import Log, Reporter
from headway.stream.event import LastWords
from headway.worker import current_progress

Store = Callable[..., str]


class Trial:
    """A claimed job with a reporter that nobody flushes until it is started."""

    def __init__(self, job: Job | None = None, url: str = "unix:///nowhere") -> None:
        self.job = job or Job.objects.create(kind="trial", title="Trial")
        attempt = lease.claim(self.job.pk, "a test")
        assert attempt is not None
        self.log = Log(url)
        self.reporter = Reporter(self.log, str(self.job.pk), attempt.number)
        self.progress = current_progress.Running(attempt, self.reporter)

    def run(self, task: Any, **params: Any) -> Any:
        """What the task returns, run as this attempt."""
        with current_progress.running(self.progress):
            return task.run(**params)

    @property
    def warnings(self) -> list[str]:
        """The first hundred, as they are shown."""
        return [f"{each['item']}: {each['reason']}" for each in self.reporter.record.warnings]

    @property
    def said(self) -> LastWords:
        """What is kept with the attempt."""
        return self.reporter.record.said(self.reporter.progress())

    def file(self, name: str) -> bytes:
        """A result file of this attempt."""
        path = result_path(self.job.pk, self.progress.attempt.number, name)
        with default_storage.open(path) as file:
            content: bytes = file.read()
        return content


@pytest.fixture
def trial(db: None) -> Trial:
    """A job that was just claimed."""
    del db
    return Trial()


@pytest.fixture
def store() -> Iterator[Store]:
    """Puts bytes into the default storage and returns their name there."""
    names: list[str] = []

    def put(content: bytes, name: str = "uploads/file") -> str:
        names.append(default_storage.save(name, ContentFile(content)))
        return names[-1]

    yield put
    for name in names:
        default_storage.delete(name)
