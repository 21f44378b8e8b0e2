"""What of an attempt is kept with it: the first warnings, its lines, and how it went over time."""

import threading
from collections import deque
from typing import Any

from .course import Course
from .event import OWN_LEVEL, LastWords, Line, Problem, Progress

LINES_KEPT, WARNINGS_KEPT = 200, 100
"""The last lines and the first warnings that are kept in an attempt's row."""
WAITING = 16 * 1024**2
"""Characters of lines that wait to be stored, about; of more the oldest are given up."""
OVERHEAD = 100
"""What each line counts besides its text."""


class Record:
    """Filled by a task's own thread and by the one that writes its progress, which hold `lock`;
    whoever stores it calls `said`, and `stored` afterwards."""

    def __init__(self) -> None:
        # Held for moments, never while waiting for anything. What is collected meanwhile may log.
        self.lock = threading.RLock()
        self.course = Course()
        self.warnings: list[Problem] = []
        self.warning_count = 0
        self._last: deque[Line] = deque(maxlen=LINES_KEPT)
        self._waiting: deque[Line] = deque()
        self._size = self._count = 0

    def warn(self, item: str, reason: str) -> None:
        """Counts a warning, and keeps it while there are few."""
        self.warning_count += 1
        if len(self.warnings) < WARNINGS_KEPT:
            self.warnings.append({"item": item, "reason": reason})

    def add(self, kind: str, level: str, text: str, t: int) -> dict[str, Any]:
        """Keeps a line, numbered from 1; `t` is in milliseconds since 1970. Returns what its event
        says of it."""
        self._count += 1
        self._last.append({"n": self._count, "t": t, "level": level, "text": text})
        self._waiting.append(self._last[-1])
        self._size += len(text) + OVERHEAD
        while self._size > WAITING:
            self._drop()
        own = {} if level == OWN_LEVEL[kind] else {"level": level}
        return {"n": self._count, "t": t, **own, "text": text}

    @property
    def waiting(self) -> int:
        """How many lines are stored nowhere but in the log, which is trimmed."""
        return len(self._waiting)

    def said(self, progress: Progress) -> LastWords:
        """All of it, as of now. While the last lines are all that wait, nothing is unstored."""
        with self.lock:
            phases, samples = self.course.copy()
            return {
                "progress": progress,
                "warnings": [*self.warnings],
                "lines": [*self._last],
                "phases": phases,
                "samples": samples,
                "unstored": [*self._waiting] if len(self._waiting) > LINES_KEPT else [],
            }

    def stored(self, upto: int) -> None:
        """Notes that the lines up to this number need not wait any longer."""
        with self.lock:
            while self._waiting and self._waiting[0]["n"] <= upto:
                self._drop()

    def _drop(self) -> None:
        self._size -= len(self._waiting.popleft()["text"]) + OVERHEAD
