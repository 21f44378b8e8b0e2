"""Signals for a project's own code. Each is sent after the change has been committed, with the
current row and the job's new status:

    @receiver(job_finished)
    def tell(job, status, **kwargs): ...

The sender is the class `Job`. An exception of a receiver is logged and hinders nothing; a receiver
that takes long holds up whoever changed the job.
"""

from django.dispatch import Signal

job_queued = Signal()
"""A job was started or retried, or another attempt at it follows."""
job_started = Signal()
"""A worker has begun an attempt."""
job_cancelling = Signal()
"""A running job was asked to stop."""
job_finished = Signal()
"""A job has succeeded, failed, been cancelled or been lost."""

person_exported = Signal()
"""All that is kept of a `person` is being exported: a receiver returns a dict from the name of a
file, such as "orders.jsonl", to records of plain values."""
person_erased = Signal()
"""All that is kept of a `person` is being erased: a receiver erases what its app has. Unlike those
of the other signals its exceptions stop the erasure, which can be asked for once more."""
