"""How fast a job moves, and when it will be done: honest, or unknown."""

from bisect import bisect_right
from collections import deque
from math import inf

WINDOW = 10.0
"""Seconds over which the speed is measured at most."""
STEP = 0.05
"""Seconds between two steps at least: however often it is asked, there are few to look through."""
WARM_UP = 2.0
"""Seconds of movement before anything is claimed."""
STALLED = 10.0
"""Seconds without movement after which nothing is claimed any more."""


class Speed:
    """How fast a value has grown of late; `rate` is in units per second.

    Measured from step to step over the later half of the movement, so that what was gone through
    at the start, as up to a checkpoint, is soon forgotten. Where the value begins is no movement,
    nor is its first step: nobody knows how long that has taken, and often it is the checkpoint."""

    def __init__(self) -> None:
        self._value: float | None = None
        self._since = 0.0
        self._steps: deque[tuple[float, float]] = deque()  # when, and to which value

    def sample(self, now: float, value: float) -> None:
        """Notes the value at `now` (monotonic seconds). A fall is a new beginning."""
        if self._value is None or value < self._value:
            self._value = value
            self._steps.clear()
        elif value > self._value and not (self._steps and now < self._steps[-1][0] + STEP):
            self._value = value
            if not self._steps:
                self._since = now
            self._steps.append((now, value))
            while len(self._steps) > 2 and self._steps[1][0] <= now - WINDOW:
                self._steps.popleft()

    def rate(self, now: float) -> float | None:
        """Units per second; None while warming up and when nothing has moved of late."""
        if not self._steps:
            return None
        at, value = self._steps[-1]
        moved = at - self._since
        if moved < WARM_UP or now - at > STALLED:
            return None
        first = bisect_right(self._steps, (at - min(WINDOW, moved / 2), inf)) - 1
        began, before = self._steps[first]
        return (value - before) / (at - began) or None
