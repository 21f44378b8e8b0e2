"""Turns any value that a task reports into numbers that a bar can show. Nothing here raises."""

import math
from typing import Any

MAX_NUMBER = 1e15
"""Numbers above this are shown as this: past it a double no longer counts in ones."""


def finite(value: Any) -> int | float | None:
    """A finite number from 0 to MAX_NUMBER, or None where `value` is no number at all."""
    if type(value) is int and 0 <= value <= MAX_NUMBER:  # as most are
        return value
    try:
        number = value if type(value) is int else float(value)
        if math.isnan(number):
            return None
    except OverflowError:
        return MAX_NUMBER
    except Exception:  # noqa: BLE001 - of no number, or whatever a task's object raises
        return None
    return max(0, min(number, MAX_NUMBER))


def share(current: int | float | None, total: int | float | None) -> float | None:
    """How much of `total` is done, 0.0 to 1.0; None when that cannot be said."""
    if current is None or not total:
        return None
    return min(1.0, current / total)
