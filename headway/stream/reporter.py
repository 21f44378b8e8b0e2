"""Reports of a running attempt. The job's thread only stores values in memory; the ticker calls
`flush`, which writes what changed."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import redis

from .backlog import PENDING, Backlog
from .event import Event, Progress, clean, level_of
from .log import Log, Receipt
from .motion import Meter
from .quantity import finite
from .record import Record
from .ticker import TICK, Flushes, Ticker

logger = logging.getLogger(__name__)
Item = TypeVar("Item")

WITHIN = nullcontext()
"""What `phase` returns, for a `with`."""
IDLE_BEAT = 1.0
"""Seconds between looks at the cancel flag while nothing changes."""
RETRY = 1.0
"""Seconds between two attempts to write while Redis is away."""
CHANCE = 5.0
"""Seconds from its next progress call on in which a task that has looked at `cancelled` before may
look again, before such a call raises."""


class Cancelled(BaseException):
    """This attempt was asked to stop. Like asyncio's, no `except Exception` swallows it."""


class Superseded(BaseException):
    """This attempt lost its lease or was replaced: what it still does must not count."""


class Reporter:
    """Progress of one attempt. Every public method is cheap, thread safe and accepts any value;
    `track`, `update`, `advance` and `phase` raise Cancelled or Superseded when it is to stop."""

    def __init__(
        self,
        log: Log,
        job: str,
        attempt: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        ticker: Callable[[], Flushes] = Ticker.shared,
    ) -> None:
        """`clock` gives monotonic seconds, by which everything here is measured; `ticker` whoever
        flushes, asked each time, as a fork needs another one."""
        self._clock, self._ticker = clock, ticker
        self.job, self.attempt = job, attempt
        self.record = Record()
        self.number = 0
        self._log = log
        self._started = self._heard = self._clock()
        self._born = time.time() - self._started
        self._sent_at = 0.0
        self._motion = Meter()
        self._shown: dict[str, object] = {}
        self._idle = True
        self._backlog = Backlog()
        self._spoke = False
        self._unsent: list[tuple[int, Event]] = []
        self._seq = 0
        self._stop: type[BaseException] | None = None
        self._over = False
        self._looks = self._noticed = False
        self._patient_until: float | None = None
        self._values = self.record.lock
        self._writing = threading.Lock()

    # What a task calls

    def track(
        self, iterable: Iterable[Item], total: Any = None, message: str = ""
    ) -> Iterator[Item]:
        """Iterates and reports the number of items done; `total` defaults to `len(iterable)`."""
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        self.update(0, total, message or None)
        motion = self._motion
        for count, item in enumerate(iterable, 1):
            yield item
            motion.current = count
            if self._stop:
                self._obey()

    def update(self, current: Any, total: Any = None, message: Any = None) -> None:
        """Sets how much is done, of how much (None: as before), and a message (None: as before)."""
        self._motion.current = current
        if total is not None:
            self._motion.total = total
        if message is not None:
            self._motion.message = message
        if self._idle:
            self._wake()
        if self._stop:
            self._obey()

    def advance(self, n: Any = 1) -> None:
        """Adds to how much is done."""
        with self._values:
            self._motion.current = (finite(self._motion.current) or 0) + (finite(n) or 0)
        self._wake()
        if self._stop:
            self._obey()

    def phase(self, name: str, weight: float = 1.0) -> AbstractContextManager[None]:
        """Begins a part of the job with a count of its own. `weight` is its share of what is left
        of the bar, 0 to 1: 0.1 and then 1 make a first phase of 10 % and a second of 90 %. Works
        in a `with`, too; the part goes on until the next one begins."""
        with self._values:
            self._motion.enter(name, weight)
            self.record.course.enter(name, self._clock() - self._started)
        self._wake()
        if self._stop:
            self._obey()
        return WITHIN

    def log(self, text: object, level: object = "info") -> None:
        """Adds a line to the job's log; `level` is debug, info, warning or error."""
        self._say("log", level_of(level), clean(text, 2000))

    def warn(self, item: object, reason: object) -> None:
        """Notes that something went wrong with one item, while the job goes on."""
        item, reason = clean(item, 200), clean(reason)
        with self._values:
            self.record.warn(item, reason)
        self._say("warning", "warning", f"{item}: {reason}", item=item)

    def output(self, text: object) -> None:
        """Adds to the job's partial output, which viewers see grow; line breaks are kept."""
        # A lone surrogate would be JSON that no page can be made of.
        piece = str(text).replace("\0", "").encode("utf-8", "replace").decode("utf-8")
        self._heard = self._clock()
        self._backlog.add_output(piece)
        if self._spoke:
            self._wake()
        else:
            self._ticker().wake(self)

    @property
    def cancelled(self) -> bool:
        """True once a cancel was requested. A task that looks gets the chance to see it: from its
        first look on, progress calls raise only CHANCE after the cancel. One that has seen True is
        trusted to end by itself: they raise nothing, and what it returns is a partial result."""
        self._looks = True
        if self._stop is Cancelled:
            self._noticed = True
        return self._noticed

    # What the worker calls

    def start(self) -> None:
        """Joins the process's ticker, which writes the first progress."""
        self._ticker().add(self)

    def stop(self) -> Progress:
        """Leaves the ticker, writes what is left and returns the last progress. Of a task that
        ended before the first tick and has said nothing, there is nothing to write."""
        self._over = True
        self._ticker().remove(self)
        with self._writing:  # a flush that is under way may just have taken what was said
            said = self._shown or not self._idle or self._backlog
        if said:
            self.flush(self._clock(), last=True)
        with self._values:
            self.record.course.end(self._clock() - self._started)
        return self.progress()

    def interrupt(self, why: type[BaseException]) -> None:
        """Makes the task's progress calls raise `why`: Cancelled or Superseded, which is final."""
        if self._stop is not Superseded:
            self._stop = why

    @property
    def superseded(self) -> bool:
        """Whether this attempt has ended or was replaced, whatever its task still does."""
        return self._stop is Superseded

    @property
    def quiet(self) -> float:
        """Seconds without a new value, line or output, whether Redis has the newest or not; 0 once
        the task has ended."""
        return 0.0 if self._over else self._clock() - self._heard

    def progress(self) -> Progress:
        """The data of a `progress` event, as of now."""
        now = self._clock()
        stopping = self._noticed or self._stop is Cancelled
        with self._values:
            return {
                "job": self.job,
                "attempt": self.attempt,
                "status": "cancelling" if stopping else "running",
                **self._motion.describe(now),
                "elapsed": round(now - self._started, 1),
                "warnings": self.record.warning_count,
            }

    # What the ticker calls

    def flush(self, now: float, *, last: bool = False) -> None:
        """Writes what changed, in one round trip and at most every TICK, but for the first output,
        which a viewer waits for; never raises."""
        with self._writing:
            at_once = last or (self._backlog.has_output and not self._spoke)
            if self._stop is Superseded or (now - self._sent_at < TICK and not at_once):
                return
            self._collect(last=last)
            try:
                receipt = self._send(now)
            except redis.RedisError as error:
                logger.warning("Progress of job %s waits for Redis: %s", self.job, error)
                self._sent_at = now + RETRY - TICK
                return
        if receipt is not None:
            self._learn(receipt)

    def _collect(self, *, last: bool = False) -> None:
        """Moves what is to be written to `_unsent`, where it stays until Redis has it."""
        if last or len(self._unsent) < PENDING:
            for kind, data in self._backlog.take():
                self._spoke = self._spoke or kind == "output"
                self._queue(Event(kind, {"job": self.job, "attempt": self.attempt, **data}))
        self._idle = True  # what changes from here on asks for the next flush
        progress = self.progress()
        with self._values:
            self.record.course.sample(
                progress["elapsed"] or 0.0, progress["percent"], progress["rate"]
            )
        shown = {**progress, "elapsed": None}
        if shown != self._shown:
            self._shown = shown
            self._heard = self._clock()
            self._unsent = [unsent for unsent in self._unsent if unsent[1].kind != "progress"]
            self._queue(Event("progress", progress))

    def _send(self, now: float) -> Receipt | None:
        if not self._unsent and now - self._sent_at < IDLE_BEAT:
            return None
        self._sent_at = now
        if not self._unsent:
            return self._log.beat(self.job, self.attempt)
        receipt = self._log.append_all(
            self.job, self._unsent, attempt=self.attempt, floor=self.number
        )
        self._unsent = []
        self.number = max(self.number, receipt.number)
        return receipt

    def _learn(self, receipt: Receipt) -> None:
        if receipt.fenced:
            self.interrupt(Superseded)
        elif receipt.cancelled:
            self.interrupt(Cancelled)

    def _say(self, kind: str, level: str, text: str, **more: str) -> None:
        now = self._heard = self._clock()
        with self._values:
            said = self.record.add(kind, level, text, round((self._born + now) * 1000))
            self._backlog.add_line(kind, **said, **more)

    def _queue(self, event: Event) -> None:
        self._seq += 1
        self._unsent.append((self._seq, event))

    def _wake(self) -> None:
        if self._idle:
            self._idle = False
            self._ticker().wake(self)

    def _obey(self) -> None:
        if self._stop is Superseded or (self._stop is Cancelled and not self._may_look()):
            raise self._stop

    def _may_look(self) -> bool:
        """Whether the task has seen that it is cancelled, or will in a moment, as it has looked."""
        if self._noticed or not self._looks:
            return self._noticed
        now = self._clock()
        if self._patient_until is None:
            self._patient_until = now + CHANCE
        return now < self._patient_until
