"""Progress and speed of a job, from what its task reports. Pure, and cheap to set."""

from typing import Any

from .event import Measured, clean
from .quantity import MAX_NUMBER, finite, share
from .speed import Speed

FULL = 99.9
"""The most that a running job shows: 100 % is for a success that has been committed."""


class Meter:
    """The numbers behind one bar. Any thread may set `current`, `total` and `message`; the bar
    never goes back, whatever they say."""

    def __init__(self) -> None:
        self.current: Any = None
        self.total: Any = None
        self.message: Any = ""
        self._phase = ""
        self._base, self._end, self._highest = 0.0, 1.0, 0.0
        self._speed = Speed()

    def enter(self, name: object, weight: Any = 1.0) -> None:
        """Begins a phase that takes `weight` (0 to 1) of what the phases before left of the bar."""
        base = self._end if self._phase else self._highest
        self._base, self._end = base, base + (1.0 - base) * min(1.0, finite(weight) or 0.0)
        self._phase, self.current, self.total = clean(name, 100), None, None
        self._speed = Speed()

    def describe(self, now: float) -> Measured:
        """What the numbers come to at `now` (monotonic seconds)."""
        current, total = finite(self.current), finite(self.total)
        self._speed.sample(now, current or 0)
        rate = self._speed.rate(now)
        done = share(current, total)
        percent = eta = None
        if done is not None:
            width = self._end - self._base
            reached = self._base + width * done
            self._highest = max(self._highest, reached)
            percent = min(FULL, int(self._highest * 1000 + 1e-6) / 10)
            pace = rate and total and width * rate / total
            eta = round(min(MAX_NUMBER, (1.0 - reached) / pace)) if pace else None
        return {
            "percent": percent,
            "current": current,
            "total": total,
            "message": clean(self.message),
            "phase": self._phase,
            "rate": rate and float(f"{rate:.3g}"),
            "eta": eta,
        }
