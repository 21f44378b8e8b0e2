"""Reports of a task that have not been written yet. If there are too many, the oldest are
dropped and counted: readers want to know how it ended."""

import threading
from collections import deque
from typing import Any

PENDING = 1000
"""Log lines and warnings that wait at most."""
OUTPUT = 8192
"""Characters of one output event at most."""
OUTPUT_KEPT = 1 << 20
"""Characters of output that are kept at least; no more than twice as many wait."""

Said = tuple[str, dict[str, Any]]
"""An event's kind, and what its data say besides the job and the attempt."""


class Backlog:
    """Lines and output in the order in which they were said, each. Thread safe; nothing waits."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._lines: deque[Said] = deque(maxlen=PENDING)
        self._more_lines = 0
        self._output: deque[str] = deque()
        self._size = self._more_output = 0

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._lines or self._output)

    @property
    def has_output(self) -> bool:
        """Whether output waits."""
        return bool(self._output)

    def add_line(self, kind: str, **data: Any) -> None:
        """A `log` or `warning`."""
        with self._lock:
            self._more_lines += len(self._lines) == PENDING
            self._lines.append((kind, data))

    def add_output(self, text: str) -> None:
        """A piece of output, of any size."""
        with self._lock:
            self._output.append(text[-OUTPUT_KEPT:])
            self._more_output += max(0, len(text) - OUTPUT_KEPT)
            self._size += len(self._output[-1])
            while self._size - len(self._output[0]) >= OUTPUT_KEPT:
                oldest = len(self._output.popleft())
                self._size -= oldest
                self._more_output += oldest

    def take(self) -> list[Said]:
        """All that waits, after a line for each sort of which something was left out."""
        if not self._lines and not self._output:  # as mostly: ten times a second, for each job
            return []
        with self._lock:
            lines, text = list(self._lines), "".join(self._output)
            more_lines, more_output = self._more_lines, self._more_output
            self._lines.clear()
            self._output.clear()
            self._size = self._more_lines = self._more_output = 0
        notes = []
        if more_lines:
            notes.append(_note(f"{more_lines:,} lines left out, too fast to show"))
        if more_output:
            notes.append(_note(f"{more_output:,} characters of output left out, too much to keep"))
        pieces = (text[start : start + OUTPUT] for start in range(0, len(text), OUTPUT))
        return [*notes, *lines, *(("output", {"text": piece}) for piece in pieces)]


def _note(text: str) -> Said:
    return "log", {"text": f"… {text}"}
