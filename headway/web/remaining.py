"""How long a job will still take, as a range: by its own rate, and by how long earlier jobs of its
kind took. live/left.js reckons the same way while the page is open."""

import math
from dataclasses import dataclass

from django.utils.translation import gettext as _

from headway.users import User
from headway.web.formatting import duration
from headway.web.runs import usuals

SURE, UNSURE = 0.1, 0.4
"""By how much of it an estimate may be wrong at the end, and how much more at the beginning."""
SECONDS = 90
"""From here on minutes are written; from one minute on, where the other end has them."""
GRACE = 3.0
"""Seconds of silence in which nobody doubts."""


@dataclass(frozen=True)
class Range:
    """Seconds, `low` to `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        return between(self.low, self.high)


def usual(kind: str, viewer: User) -> Range | None:
    """How long most of the last jobs of a kind took that a viewer may see; None where there are too
    few (see runs.py)."""
    known = usuals({kind}, viewer).get(kind)
    return Range(known.low, known.high) if known else None


def remaining(
    eta: float | None,
    percent: float | None,
    elapsed: float | None,
    quiet: float | None,
    usually: Range | None,
) -> Range | None:
    """What a job still takes: `eta` as it estimated itself `quiet` seconds ago, in `percent` of its
    work, and what its kind usually takes, as long as that agrees. None where nothing is known, or
    it has taken longer than usual."""
    own = _own(eta, percent or 0.0, max(0.0, (quiet or 0.0) - GRACE)) if eta is not None else None
    late = usually is None or elapsed is None or elapsed >= usually.high
    if late or usually is None or elapsed is None:
        return own
    earlier = Range(max(0.0, usually.low - elapsed), usually.high - elapsed)
    if own is None or eta is None:
        return earlier
    if not earlier.low <= eta <= earlier.high:
        return own
    return Range(max(own.low, earlier.low), min(own.high, earlier.high))


def between(low: float, high: float) -> str:
    """12 to 40 s, 1 to 5 min, 40 s to 3 min; about 40 s where both read alike."""
    first, last = _rounded(low, 60 if high >= SECONDS else SECONDS), _rounded(high)
    if first == last:
        return _("about {time}").format(time=last)
    if low < 1:
        return _("up to {time}").format(time=last)
    (number, *unit), (_number, *other) = first.split(), last.split()
    alike = unit == other and len(unit) == 1
    return _("{first} to {last}").format(first=number if alike else first, last=last)


def _own(eta: float, percent: float, doubt: float) -> Range:
    """In silence it may have gone on, or stand still for as long again."""
    spread = SURE + UNSURE * (1 - min(100.0, percent) / 100)
    return Range(max(0.0, eta * (1 - spread) - doubt), eta * (1 + spread) + doubt)


def _rounded(seconds: float, below: float = SECONDS) -> str:
    """Seconds below a limit, then whole minutes."""
    if seconds < below:
        return f"{math.floor(seconds + 0.5)} s"
    return duration(math.floor(seconds / 60 + 0.5) * 60).removesuffix(" 00 s")
