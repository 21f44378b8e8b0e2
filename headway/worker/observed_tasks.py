"""Which Celery tasks that are not job tasks are observed, and what their rows look like."""

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import Any

from celery import current_app
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction

from headway.kinds.declaration import TITLE

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observed:
    """One task, by its Celery name, and how its rows look."""

    name: str
    title: str
    owner: Callable[..., Any] | None

    def owner_of(self, args: Any, kwargs: Any) -> Any:
        """The key of the user whose row it is; None where nobody can say."""
        if self.owner is None:
            return None
        # On PostgreSQL a query that fails would fail the transaction of whoever sends the task.
        apart = transaction.atomic() if connection.in_atomic_block else nullcontext()
        try:
            with apart:
                found = self.owner(*args, **kwargs)
                return _existing(found.pk if isinstance(found, models.Model) else found)
        except Exception:
            logger.exception("The owner of %s cannot be determined", self.name)
            return None


def _existing(key: Any) -> Any:
    """A user's key: one who does not exist would fail the commit of whoever sends the task."""
    known = get_user_model()._default_manager.filter(pk=key)
    return known.values_list("pk", flat=True).first()


recognisers: list[Callable[[Any], bool]] = []
"""Each tells of a task whether it is to be observed, though nobody has named it."""
_observed: dict[str, Observed] = {}
_unknown: set[str] = set()
"""Tasks that were looked at and are not observed."""


def add(task: Any, *, title: str = "", owner: Callable[..., Any] | None = None) -> Observed:
    """Adds a task, or the task of a name. Raises ValueError for a name or title too long."""
    # A task of django.tasks is called by its function's path, as Celery calls its own.
    name = str(getattr(task, "module_path", None) or getattr(task, "name", task))
    if len(name) > 100:
        raise ValueError(f"{name!r} has more than 100 characters, which do not fit into a row.")
    if isinstance(title, str) and len(title) > TITLE:
        raise ValueError(f"{name}: the title has {len(title)} characters, use {TITLE} at most.")
    last = name.rpartition(".")[2].replace("_", " ").strip()
    _observed[name] = Observed(name, title or last.capitalize(), owner)
    return _observed[name]


def find(name: str) -> Observed | None:
    """How a task is observed; None: it is not, or is a job of ours and has its row."""
    task = current_app.tasks.get(name)
    if getattr(task, "job_kind", ""):
        return None
    if name not in _observed and name not in _unknown and task is not None:
        if any(looks_so(task) for looks_so in recognisers):
            add(task)
        else:
            _unknown.add(name)
    return _observed.get(name)


def quietly(receiver: Callable[..., None]) -> Callable[..., None]:
    """What goes wrong here is ours, not the task's."""

    @wraps(receiver)
    def told(*args: Any, **kwargs: Any) -> None:
        try:
            receiver(*args, **kwargs)
        except Exception:
            logger.exception("An observed task could not be recorded")

    return told
