"""Jobs that go for good, with their attempts, files and logs; the audit trail stays."""

from django.utils.translation import gettext as _

from headway.lifecycle import audit, database, files, pruning
from headway.lifecycle.actions import ActionError, NotAllowedError
from headway.lifecycle.lease import later
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
        raise NotAllowedError(_("You may not delete this job."))
    row = Job.objects.finished().filter(pk=job.pk)
    # As the janitor does: until the claim lapses nobody retries or deletes it, and what takes a
    # while holds no lock. What fails raises, and the job is there to be deleted again.
    if not pruning.free(row).update(lease_until=later(pruning.CLAIM.total_seconds())):
        raise ActionError(_("A job that has not ended cannot be deleted: cancel it first."))
    files.delete_all_of(job.pk)
    log().forget(str(job.pk))
    with database.atomic():
        audit.write("delete", [job], "deleted", by)
        row.delete()
    return job
