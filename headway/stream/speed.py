"""How fast a job moves, and when it will be done: honest or silent."""

import math

SMOOTHING = 5.0
"""Seconds over which the speed is averaged (time constant of an exponential mean)."""
WARM_UP = 2.0
"""Seconds of movement before anything is claimed."""
STALLED = 10.0
"""Seconds without movement after which nothing is claimed any more."""


class Speed:
    """Exponential mean of how fast a value grows; `rate` is in units per second."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._at = 0.0
        self._value = 0.0
        self._rate = 0.0

    def sample(self, now: float, value: float) -> None:
        """Notes the value at `now` (monotonic seconds). A fall starts it all anew."""
        if self._since is None or value < self._value:
            self._since, self._at, self._value, self._rate = now, now, value, 0.0
        elif value > self._value and now > self._at:
            seconds = now - self._at
            weight = math.exp(-seconds / SMOOTHING) if self._rate else 0.0
            self._rate = weight * self._rate + (1 - weight) * (value - self._value) / seconds
            self._at, self._value = now, value

    def rate(self, now: float) -> float | None:
        """Units per second; None while warming up and when nothing has moved of late."""
        if self._since is None or not self._rate:
            return None
        if self._at - self._since < WARM_UP or now - self._at > STALLED:
            return None
        return self._rate
