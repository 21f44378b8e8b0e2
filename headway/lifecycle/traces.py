"""What an attempt leaves in the database: its own columns, those of its job that show how far it
is, and its lines."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models.functions import Now

from headway.lifecycle import prepared, whole_log
from headway.lifecycle.prepared import Given
from headway.models import Attempt, Job
from headway.stream.event import (
    MOTION,
    LastWords,
    Line,
    NoProgress,
    Phase,
    Problem,
    Progress,
    Sample,
)

_FIELDS = {field.name for field in Job._meta.local_concrete_fields}
COLUMNS = {
    name: column
    for name in MOTION
    if (column := {"warnings": "warning_count"}.get(name, name)) in _FIELDS
}
"""Where a row keeps what moves: the column of each name that has one."""


class Traces(NamedTuple):
    """What an attempt has said so far (`LastWords`)."""

    progress: Progress | NoProgress = {}  # noqa: RUF012 - replaced, never changed
    warnings: list[Problem] = []  # noqa: RUF012 - replaced, never changed
    lines: list[Line] = []  # noqa: RUF012 - replaced, never changed
    phases: list[Phase] = []  # noqa: RUF012 - replaced, never changed
    samples: list[Sample] = []  # noqa: RUF012 - replaced, never changed
    unstored: list[Line] = []  # noqa: RUF012 - replaced, never changed


def of_job(progress: Progress | NoProgress) -> dict[str, Any]:
    """The columns of a job that keep its progress."""
    known: Mapping[str, object] = progress
    return {column: known[name] for name, column in COLUMNS.items() if name in known}


def write(
    attempt: Attempt, traces: Traces | LastWords | None, *, ended: bool = False, **more: Any
) -> None:
    """Changes the columns of an attempt, which may have `ended` now, and stores its lines. To be
    called in a transaction."""
    changes: dict[str, Any] = dict(traces._asdict() if isinstance(traces, Traces) else traces or {})
    whole_log.store(attempt, changes.pop("unstored", []))
    changes |= more
    prepared.update(_writing, tuple(changes), ended, attempt=attempt.pk, **changes)


def _writing(names: Sequence[str], ended: bool) -> prepared.Update:
    column = Attempt._meta.get_field
    changes: dict[str, Any] = {name: Given(name, column(name)) for name in names}
    changes |= {"finished_at": Now()} if ended else {}
    return Attempt.objects.filter(pk=Given("attempt", column("id"))), changes
