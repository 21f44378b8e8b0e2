"""A drop-in for the recorder of celery-progress, with the same name and methods: what is
recorded moves the bar of a job, or of a task that is observed from then on."""

import inspect
from typing import Any

from headway.worker import observing
from headway.worker.current_progress import progress

PROGRESS_STATE = "PROGRESS"


class ProgressRecorder:
    """Says how far a task is; `task` is the `self` of one with `bind=True`."""

    def __init__(self, task: Any) -> None:
        self.task = task
        self.current: float = 0
        self.total: float = 0
        self.description = ""
        observing.join(task)

    def set_progress(
        self, current: float, total: float, description: str = ""
    ) -> tuple[str, dict[str, Any]]:
        """Sets how much is done of how much (0: nobody knows), and a message. Returns the state and
        the meta data that Celery's result backend gets."""
        self.current, self.total = current, total
        self.description = description or self.description
        percent = round(100 * current / total, 2) if total > 0 else 0
        meta = {
            "pending": False,
            "current": current,
            "total": total,
            "percent": percent,
            "description": description,
        }
        progress.update(current, total or None, description or None)  # of a job; else it is nothing
        if self.task.request.id:
            self.task.update_state(state=PROGRESS_STATE, meta=meta)
        return PROGRESS_STATE, meta

    def increment_progress(self, by: float = 1, description: str = "") -> None:
        """Adds to how much is done."""
        self.set_progress(self.current + by, self.total, description)


def _records(task: Any) -> bool:
    """Whether a task's function names the recorder. Its row is there then as soon as it is sent:
    the page that started it shows the bar at once, which no recorder has been made for yet."""
    function = getattr(task, "_orig_run", task.run)
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(function, "__code__", None)
    known = getattr(function, "__globals__", {})
    return code is not None and any(known.get(name) is ProgressRecorder for name in code.co_names)


observing.recognise(_records)
