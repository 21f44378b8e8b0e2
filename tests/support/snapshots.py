"""Snapshots of a job as terminals draw them."""

from typing import Any, cast

from headway.stream.event import MOTION, Snapshot

_KNOWN = {"job": "12345678", "title": "x", "attempt": 1, "status": "running", "reason": ""}


def shown(**fields: Any) -> Snapshot:
    """One of a job that runs, with these fields."""
    known = {**MOTION, **_KNOWN, "unit": "", "quiet": None, "stalled": False, **fields}
    return cast("Snapshot", known)
