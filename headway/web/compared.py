"""Jobs that have ended, beside what is usual for their kind."""

from collections.abc import Sequence
from dataclasses import replace

from headway.users import User
from headway.web.presenters import Shown
from headway.web.runs import usuals


def compared(items: Sequence[Shown], viewer: User) -> list[Shown]:
    """The same, those that took notably long or short with what is usual. One query."""
    ended = {item.job.kind for item in items if _taken(item) is not None}
    known = usuals(ended, viewer)
    told = []
    for item in items:
        usual, taken = known.get(item.job.kind), _taken(item)
        if usual and taken is not None and usual.differs(taken, item.job.status):
            item = replace(item, usually=round(usual.mid))
        told.append(item)
    return told


def _taken(item: Shown) -> float | None:
    return None if item.is_active or item.job.finished_at is None else item.elapsed
