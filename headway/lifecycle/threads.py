"""Daemon threads that work off what may hang: a caller waits for them no longer than it wants, and
a process ends without them."""

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

IDLE = 10.0
"""Seconds for which a thread waits for more to do. A new one for each publish would open what
Celery keeps for each thread, which costs more than the thread does."""


class Threads:
    """Runs what it is given, at most so many at once."""

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Threads do not survive a fork."""
        self._lock = threading.Lock()
        self._given: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._busy = self._alive = 0

    @property
    def busy(self) -> int:
        """How many run something."""
        return self._busy

    def run(self, work: Callable[[], None]) -> bool:
        """Runs `work`, which raises nothing, in one of the threads. False when all are busy."""
        with self._lock:
            if self._busy == self._most:
                return False
            self._busy += 1
            self._given.put(work)
            if self._busy > self._alive:
                self._alive += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
        return True

    def _work(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            finally:
                with self._lock:
                    self._busy -= 1

    def _next(self) -> Callable[[], None] | None:
        try:
            return self._given.get(timeout=IDLE)
        except Empty:
            with self._lock:
                # Given just now, and counted on this thread
                if not self._given.empty():
                    return self._given.get()
                self._alive -= 1
                return None
