"""The job."""

from headway import job_task


@job_task
def do_nothing(number: int) -> None:
    """Does nothing."""
    del number
