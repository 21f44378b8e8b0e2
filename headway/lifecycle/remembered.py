"""Answers that are good for some seconds, so that many pages, and many looks of one, cost what one
does. In this process alone, and few: those asked for last."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers by key. Safe to share between threads, which wait for one that is finding out."""

    def __init__(self, seconds: float, most: int = 1) -> None:
        self._seconds, self._most = seconds, most
        self._known: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._locks: OrderedDict[Hashable, threading.Lock] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to `key`, by `ask` where none is known. What that raises is not remembered."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
            self._locks.move_to_end(key)
            while len(self._locks) > self._most:
                self._locks.popitem(last=False)
        with lock:
            with self._guard:
                found = self._known.get(key)
                if found is not None:
                    self._known.move_to_end(key)
            if found is not None and time.monotonic() - found[0] < self._seconds:
                return found[1]
            answer = ask()
            with self._guard:
                self._known[key] = time.monotonic(), answer
                self._known.move_to_end(key)
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
            return answer

    def forget(self) -> None:
        """All of them."""
        with self._guard:
            self._known.clear()
