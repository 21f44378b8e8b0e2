"""Background jobs with live progress: `from headway import JobError, job_task, progress`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headway.kinds.secrets import Secret as Secret
    from headway.lifecycle.actions import ActionError as ActionError
    from headway.lifecycle.actions import acancel as acancel
    from headway.lifecycle.actions import aretry as aretry
    from headway.lifecycle.actions import cancel as cancel
    from headway.lifecycle.actions import retry as retry
    from headway.lifecycle.errors import InputError as InputError
    from headway.lifecycle.errors import JobError as JobError
    from headway.lifecycle.waiting import await_job as await_job
    from headway.lifecycle.waiting import wait as wait
    from headway.models import Job as Job
    from headway.worker.current_progress import progress as progress
    from headway.worker.many_starts import astart_many as astart_many
    from headway.worker.many_starts import start_many as start_many
    from headway.worker.observing import observe as observe
    from headway.worker.task import job_task as job_task

__version__ = "0.1.0"

_HOMES = {
    "ActionError": "headway.lifecycle.actions",
    "InputError": "headway.lifecycle.errors",
    "Job": "headway.models",
    "JobError": "headway.lifecycle.errors",
    "Secret": "headway.kinds.secrets",
    "acancel": "headway.lifecycle.actions",
    "astart_many": "headway.worker.many_starts",
    "aretry": "headway.lifecycle.actions",
    "await_job": "headway.lifecycle.waiting",
    "cancel": "headway.lifecycle.actions",
    "job_task": "headway.worker.task",
    "observe": "headway.worker.observing",
    "progress": "headway.worker.current_progress",
    "retry": "headway.lifecycle.actions",
    "start_many": "headway.worker.many_starts",
    "wait": "headway.lifecycle.waiting",
}
__all__ = [
    *("ActionError", "InputError", "Job", "JobError", "Secret", "acancel", "aretry"),
    *(
        "astart_many",
        "await_job",
        "cancel",
        "job_task",
        "observe",
        "progress",
        "retry",
        "start_many",
        "wait",
    ),
]


def __getattr__(name: str) -> Any:
    # Django imports this package before models may be imported: names are looked up on first use.
    if name not in _HOMES:
        raise AttributeError(f"module 'headway' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
