"""The job app. In a task: `from jobs import JobError, job_task, progress`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.current import progress as progress
    from jobs.ending import JobError as JobError
    from jobs.task import job_task as job_task

__all__ = ["JobError", "job_task", "progress"]

_HOMES = {"JobError": "jobs.ending", "job_task": "jobs.task", "progress": "jobs.current"}


def __getattr__(name: str) -> Any:
    # Django imports this package before models may be imported: names are looked up on first use.
    if name not in _HOMES:
        raise AttributeError(f"module 'jobs' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
