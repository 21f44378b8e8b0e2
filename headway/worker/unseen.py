"""An attempt that is invisible to others: nothing is written to Redis, and no thread runs for
it."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from headway.lifecycle import database
from headway.lifecycle.log import log
from headway.models import Attempt
from headway.stream import Event, Reporter

Item = TypeVar("Item")


class UnseenReporter(Reporter):
    """Hands what a task says to `hear`, at once and in the task's own thread, where any other
    reporter writes it to the log: the same events in the same order."""

    def __init__(
        self,
        attempt: Attempt,
        hear: Callable[[Event], object] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        job = str(attempt.job_id)
        super().__init__(log(), job, attempt.number, clock=clock, ticker=lambda: _AtOnce(clock))
        self._hearers = [hear] if hear else []

    def track(
        self, iterable: Iterable[Item], total: Any = None, message: str = ""
    ) -> Iterator[Item]:
        """As ever; a ticker looks at a loop from outside, and here nobody does."""
        for item in super().track(iterable, total, message):
            self._look()
            yield item
        self._look()

    def flush(self, now: float, *, last: bool = False) -> None:
        """Tells what changed."""
        del now, last
        with self._writing:
            self._collect(last=True)
            unsent, self._unsent = self._unsent, []
        for _, event in unsent:
            for hear in self._hearers:
                hear(event)

    def hear_also(self, hear: Callable[[Event], object]) -> None:
        """One more who hears it."""
        self._hearers.append(hear)

    def _look(self) -> None:
        self.flush(self._clock())
        if self._stop:
            self._obey()


def reporter_of(attempt: Attempt) -> Reporter:
    """What a task speaks through. A row within a transaction is seen by nobody else."""
    if database.connection().in_atomic_block:
        return UnseenReporter(attempt)
    return Reporter(log(), str(attempt.job_id), attempt.number)


class _AtOnce:
    """A ticker without a thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def add(self, reporter: Any, /) -> None:
        """Flushes, as `wake` does."""
        reporter.flush(self._clock())

    def remove(self, reporter: Any, /) -> None:
        """Nothing was kept."""

    def wake(self, reporter: Any, /) -> None:
        """Flushes."""
        reporter.flush(self._clock())
