"""The jobs that act on many jobs, and that write them into a file, for the person who asked."""

from dataclasses import asdict, replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from headway import users
from headway.lifecycle import audit, bulk, exporting
from headway.lifecycle import person as data
from headway.lifecycle.errors import JobError
from headway.models import Job
from headway.policy import policy
from headway.worker.current_progress import progress
from headway.worker.task import job_task

LIMITS: dict[str, Any] = {"soft_time_limit": 6 * 3600, "time_limit": 6 * 3600 + 60}
"""Seconds: a million jobs take an hour or two."""


@job_task(title=_("Act on many jobs"), kind=bulk.ACT, max_attempts=3, unit="jobs", **LIMITS)
def act_on_many(verb: str, selection: str) -> dict[str, Any]:
    """Cancels, retries or deletes each job of a selection, as far as the person who asked may."""
    job, person = _asked()
    wanted = bulk.Selection.read(selection)
    tally = bulk.Tally(**(progress.restored or {}))
    total = tally.looked_at + wanted.count(person)
    with audit.coming_from(replace(audit.origin_of(job.pk), user=person)):
        for batch in wanted.batches(person, job.created_at, tally.last):
            for each in batch:
                if why := tally.do(verb, each, person):
                    progress.warn(each.title, why)
                progress.update(tally.looked_at, max(total, tally.looked_at))
            progress.checkpoint(asdict(tally))
            if progress.cancelled:
                break
    return {"done": tally.done, "not changed": [f"{n}: {why}" for why, n in tally.refused.items()]}


@job_task(title=_("Export jobs"), kind=bulk.EXPORT, max_attempts=3, unit="jobs", **LIMITS)
def export_jobs(format: str, selection: str) -> dict[str, Any]:  # noqa: A002 - as people say it
    """Writes the jobs of a selection into a file, as far as the person who asked may see them."""
    job, person = _asked()
    wanted = bulk.Selection.read(selection)
    total, count = wanted.count(person), 0
    others = policy.may_export(person)
    with progress.result_file(f"jobs.{format}") as file:
        rows = exporting.writer(format, file)
        for batch in wanted.batches(person, job.created_at, None):
            batch = [each for each in batch if others or each.owner_id == person.pk]
            for record in exporting.records(batch, person):
                rows(record)
            count += len(batch)
            progress.update(count, max(total, count))
    return {"jobs": count}


@job_task(title=_("A person's data"), kind=bulk.PERSON, max_attempts=3, unit="jobs", **LIMITS)
def about_person(verb: str, person: str) -> dict[str, Any]:
    """Exports or erases all that is kept of a person, whose key `person` is."""
    job, asker = _asked()
    if not policy.may_erase(asker):
        raise JobError("Whoever asked for this may not do it any more: nothing was done.")
    somebody = users.manager().filter(pk=users.key(person)).first()
    if somebody is None:
        raise JobError("This person has no account any more.")
    with audit.coming_from(replace(audit.origin_of(job.pk), user=asker)):
        if verb == "erase":
            return {"jobs erased": data.erase(somebody)}
        with progress.result_file("person.zip", "wb") as file:
            return {"jobs exported": data.export(somebody, file)}


def _asked() -> tuple[Job, Any]:
    """The job that runs, and its owner. Raises JobError where nobody may do anything any more."""
    running = progress.job
    if running is None:
        raise JobError("This runs as a job alone.")
    job = Job.objects.get(pk=running)
    person = users.manager().filter(pk=job.owner_id).first() if job.owner_id else None
    if person is None or not users.is_active(person):
        raise JobError("Whoever asked for this may not sign in any more: nothing was done.")
    return job, person
