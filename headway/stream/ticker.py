"""The one thread of a worker process that writes the progress of all jobs in it."""

import logging
import os
import threading
import time
from queue import Empty, SimpleQueue
from typing import ClassVar, Protocol

logger = logging.getLogger(__name__)

TICK = 0.1
"""Seconds between two writes of one job at least."""


class Flushable(Protocol):
    """What the ticker knows of a reporter."""

    def flush(self, now: float) -> None:
        """Writes what changed; must not raise."""


class Flushes(Protocol):
    """What a reporter knows of whoever flushes it."""

    def add(self, reporter: Flushable, /) -> None:
        """Begins to flush a reporter."""

    def remove(self, reporter: Flushable, /) -> None:
        """Ends it."""

    def wake(self, reporter: Flushable, /) -> None:
        """Asks for a flush soon."""


class Ticker:
    """Offers every reporter a flush twice a tick, and one that wakes it from a rest at once."""

    _shared: ClassVar["Ticker | None"] = None
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._reporters: set[Flushable] = set()
        self._woken: SimpleQueue[Flushable] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @classmethod
    def shared(cls) -> "Ticker":
        """This process's ticker; a forked child gets its own, since threads do not survive."""
        ticker = cls._shared
        if ticker is None or ticker._pid != os.getpid():
            with cls._guard:
                if cls._shared is None or cls._shared._pid != os.getpid():
                    cls._shared = Ticker()
                ticker = cls._shared
        return ticker

    def add(self, reporter: Flushable) -> None:
        """Begins to flush a reporter, at the next tick; the thread lives while there is one."""
        with self._lock:
            self._reporters.add(reporter)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
                self._thread.start()

    def remove(self, reporter: Flushable) -> None:
        """Ends it; a flush under way may still be running."""
        with self._lock:
            self._reporters.discard(reporter)

    def wake(self, reporter: Flushable) -> None:
        """Asks for a flush of one reporter before the next tick is due."""
        self._woken.put(reporter)

    def _run(self) -> None:
        due = time.monotonic() + TICK / 2  # most tasks that end before that say nothing
        while True:
            woken = self._wait(due)
            with self._lock:
                flushed = self._reporters & woken
                if time.monotonic() >= due:
                    flushed = set(self._reporters)
                    due = time.monotonic() + TICK / 2
                if not self._reporters:
                    self._thread = None
                    return
            for reporter in flushed:
                try:
                    reporter.flush(time.monotonic())
                except Exception:  # without this thread no job of the process is heard any more
                    logger.exception("Progress could not be written")

    def _wait(self, due: float) -> set[Flushable]:
        """Those that were woken, as soon as one is; nobody when the tick is due."""
        woken: set[Flushable] = set()
        try:
            woken.add(self._woken.get(timeout=max(0.0, due - time.monotonic())))
            while True:
                woken.add(self._woken.get_nowait())
        except Empty:
            return woken
