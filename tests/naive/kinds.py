"""A task of ours that the naive build has, too, and no other test."""

from headway import job_task, progress


@job_task
def empty() -> None:
    """Has nothing to do, and says so."""
    progress.update(0, 0)
