"""How long a job will still take, as a range: by its own rate, and by how long earlier jobs of its
kind took. live/left.js reckons the same way while the page is open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from headway.models import NEWEST, Job, Status
from headway.web.formatting import duration

RUNS, FEWEST = 50, 5
"""Earlier jobs that are looked at, and how many of them it takes to say what is usual."""
SURE, UNSURE = 0.1, 0.4
"""By how much of it an estimate may be wrong at the end, and how much more at the beginning."""
GRACE = 3.0
"""Seconds of silence in which nobody doubts."""


@dataclass(frozen=True)
class Range:
    """Seconds, `low` to `high`."""

    low: float
    high: float

    def __str__(self) -> str:
        return between(self.low, self.high)


def usual(kind: str) -> Range | None:
    """How long most of the last jobs of a kind took, the quickest and slowest tenth left out; None
    where there are too few."""
    done = Job.objects.filter(kind=kind, status=Status.SUCCEEDED).order_by(*NEWEST)
    rows = done.values_list("started_at", "finished_at")[:RUNS]
    took = sorted((end - begin).total_seconds() for begin, end in rows if begin and end)
    if len(took) < FEWEST:
        return None
    return Range(max(0.0, _quantile(took, 0.1)), _quantile(took, 0.9))


def remaining(
    eta: float | None,
    percent: float | None,
    elapsed: float | None,
    quiet: float | None,
    usually: Range | None,
) -> Range | None:
    """What a job still takes: `eta` as it estimated itself `quiet` seconds ago, in `percent` of its
    work, and what its kind usually takes. None where nothing is known, or it has taken longer than
    usual."""
    own = _own(eta, percent or 0.0, max(0.0, (quiet or 0.0) - GRACE)) if eta is not None else None
    late = usually is None or elapsed is None or elapsed >= usually.high
    if late or usually is None or elapsed is None:
        return own
    earlier = Range(max(0.0, usually.low - elapsed), usually.high - elapsed)
    if own is None:
        return earlier
    both = Range(max(own.low, earlier.low), min(own.high, earlier.high))
    return both if both.low <= both.high else own


def between(low: float, high: float) -> str:
    """12 to 40 s, 2 to 5 min, 40 s to 3 min; about 40 s where both read alike."""
    first, last = _rounded(low), _rounded(high)
    if first == last:
        return f"about {last}"
    if low < 1:
        return f"up to {last}"
    (number, *unit), (_, *other) = first.split(), last.split()
    return f"{number if unit == other and len(unit) == 1 else first} to {last}"


def _own(eta: float, percent: float, doubt: float) -> Range:
    """In silence it may have gone on, or stand still for as long again."""
    spread = SURE + UNSURE * (1 - min(100.0, percent) / 100)
    return Range(max(0.0, eta * (1 - spread) - doubt), eta * (1 + spread) + doubt)


def _rounded(seconds: float) -> str:
    """Seconds below one and a half minutes, then whole minutes."""
    if seconds < 90:
        return f"{math.floor(seconds + 0.5)} s"
    return duration(math.floor(seconds / 60 + 0.5) * 60).removesuffix(" 00 s")


def _quantile(values: Sequence[float], share: float) -> float:
    """Of sorted values, between two of them where it falls there."""
    at = share * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)
