"""Jobs that go for good, with their attempts, files and logs; the audit trail stays."""

import uuid

from headway.lifecycle import audit, database, files
from headway.lifecycle.actions import ActionError, NotAllowedError
from headway.lifecycle.log import log
from headway.models import Job
from headway.policy import policy
from headway.users import User


def delete(job: Job, by: User | None = None) -> Job:
    """Deletes a job that has ended; returns it as it was.

    Raises ActionError when it is active or gone, or when it is not for `by` to delete.
    """
    if by is not None and not policy.may_delete(by, job):
        audit.write("delete", [job], audit.REFUSED, by)
        raise NotAllowedError("You may not delete this job.")
    with database.atomic():
        audit.write("delete", [job], "deleted", by)  # a write: SQLite holds others off from here
        row = Job.objects.finished().select_for_update().filter(pk=job.pk)
        if not row.exists():
            raise ActionError("A job that has not ended cannot be deleted: cancel it first.")
        remove(job.pk)
    return job


def remove(job: uuid.UUID) -> None:
    """Deletes what is kept of a job that has ended. The row goes last: after a crash it is done
    again."""
    files.delete_all_of(job)
    log().forget(str(job))
    Job.objects.finished().filter(pk=job).delete()
