"""Background jobs with live progress: `from headway import JobError, job_task, progress`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway.kinds.secrets import Secret as Secret
    from headway.lifecycle.errors import JobError as JobError
    from headway.worker.current_progress import progress as progress
    from headway.worker.observing import observe as observe
    from headway.worker.task import job_task as job_task

__version__ = "0.1.0"
__all__ = ["JobError", "Secret", "job_task", "observe", "progress"]

_HOMES = {
    "JobError": "headway.lifecycle.errors",
    "Secret": "headway.kinds.secrets",
    "job_task": "headway.worker.task",
    "observe": "headway.worker.observing",
    "progress": "headway.worker.current_progress",
}


def __getattr__(name: str) -> Any:
    # Django imports this package before models may be imported: names are looked up on first use.
    if name not in _HOMES:
        raise AttributeError(f"module 'headway' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
