"""Jobs as records for a file: CSV that no spreadsheet executes, or a line of JSON for each."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import prefetch_related_objects

from headway import spreadsheets
from headway.kinds import secrets
from headway.lifecycle.actions import ActionError
from headway.models import Job
from headway.policy import policy

FORMATS = {"csv": "CSV", "jsonl": "JSON lines"}
PLAIN = ("kind", "title", "status", "reason", "attempt", "queue", "worker", "warning_count")
TIMES = ("created_at", "started_at", "finished_at")
COLUMNS = ("id", "owner", *PLAIN, *TIMES, "params", "result", "files")
Record = Mapping[str, Any]


def records(jobs: Sequence[Job], user: Any) -> Iterator[Record]:
    """What a person may see of each job; without its inputs where these are not for them.
    `user` None: all of it."""
    prefetch_related_objects(jobs, "owner")
    for job in jobs:
        known = job.params if user is None or policy.may_see_inputs(user, job) else None
        times = {name: _written(getattr(job, name)) for name in TIMES}
        yield {
            "id": str(job.pk),
            "owner": job.owner.get_username() if job.owner else None,
            **{name: getattr(job, name) for name in PLAIN},
            **times,
            "params": known if known is None else secrets.masked(known),
            "result": job.result,
            "files": job.files,
        }


def writer(name: str, file: Any) -> Callable[[Record], Any]:
    """Writes a record as the format of this name has it. Raises ActionError for no format."""
    if name == "jsonl":
        return lambda record: file.write(json.dumps(record, ensure_ascii=False) + "\n")
    if name != "csv":
        raise ActionError(f"There is no format {name!r}: use one of {', '.join(FORMATS)}.")
    rows = spreadsheets.writer(file)
    rows.writerow(COLUMNS)
    return lambda record: rows.writerow([_cell(record[column]) for column in COLUMNS])


def _written(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
