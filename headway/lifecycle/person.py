"""What is kept of one person: exported, and erased. Other apps add theirs by signals."""

import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import IO, Any

from django.core.files import File
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils.crypto import salted_hmac

from headway import signals
from headway.lifecycle import actions, audit, database, exporting, removal, uploading, whole_log
from headway.lifecycle.actions import ActionError
from headway.models import (
    ApiToken,
    AuditEntry,
    Job,
    Notice,
    NoticeChoice,
    SavedQuestion,
    ShareLink,
    Upload,
)

BATCH = 200
ATTEMPT = ("number", "status", "worker", "reason", "progress", "warnings")
TOKEN = ("pk", "name", "scope", "created_at", "last_used_at", "expires_at", "revoked_at")
ENTRY = ("at", "verb", "job_id", "title", "kind", "result", "name", "via", "address", "token")


def export(person: Any, file: IO[bytes]) -> int:
    """Writes a ZIP archive of JSON lines, and of their files; returns the number of jobs."""
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("jobs.jsonl", "w", force_zip64=True) as out:
            for job in _jobs(person):
                [record] = exporting.records([job], None)
                attempts = [
                    {**each, "lines": [*chain(*whole_log.read(job.pk, each["number"]))]}
                    for each in job.attempts.values(*ATTEMPT)
                ]
                out.write(_line({**record, "attempts": attempts}))
                count += 1
        for job in _jobs(person):
            _add_files(archive, job)
        _add(archive, "tokens.jsonl", ApiToken.objects.filter(owner_id=person.pk).values(*TOKEN))
        saved = SavedQuestion.objects.filter(owner_id=person.pk)
        _add(archive, "saved-questions.jsonl", saved.values("name", "query", "created_at"))
        for name, rows in _small(person):
            _add(archive, name, rows)
        uploads = Upload.objects.filter(owner_id=person.pk)
        _add(archive, "uploads.jsonl", uploads.values("name", "kind", "size", "created_at"))
        _add(archive, "audit.jsonl", _entries(person).values(*ENTRY).iterator())
        added: list[tuple[Any, Any]] = signals.person_exported.send(sender=Job, person=person)
        for _, more in added:
            for name, records in (more or {}).items():
                _add(archive, name, records)
    return count


def erase(person: Any) -> int:
    """Erases jobs, files, logs and tokens, and takes the name out of the audit trail; returns the
    number of jobs. Safe to repeat. Raises ActionError while a job of theirs is active: those are
    told to stop."""
    active = Job.objects.active().filter(owner_id=person.pk)
    for job in active:
        with suppress(ActionError):
            actions.cancel(job)
    if left := active.count():
        told = f"{left} of the jobs have yet to stop: ask once more in a minute."
        raise ActionError(told)
    count = 0
    for job in _jobs(person):
        removal.delete(job)
        count += 1
    for upload in Upload.objects.filter(owner_id=person.pk):
        uploading.discard(upload)
    with database.atomic():
        ApiToken.objects.filter(owner_id=person.pk).delete()
        for kept in (SavedQuestion, NoticeChoice, Notice):
            kept.objects.filter(owner_id=person.pk).delete()
        ShareLink.objects.filter(by_id=person.pk).delete()
        _pseudonymise(person)
        audit.note("erase", f"{count} jobs")
    signals.person_erased.send(sender=Job, person=person)
    return count


def _small(person: Any) -> Iterator[tuple[str, Iterable[Any]]]:
    """Files of what there is little of: links, and how they are told of ends. No keys."""
    links = ShareLink.objects.filter(by_id=person.pk)
    yield (
        "share-links.jsonl",
        links.values("job_id", "parts", "created_at", "expires_at", "revoked_at"),
    )
    chosen = NoticeChoice.objects.filter(owner_id=person.pk)
    yield "notice-choices.jsonl", chosen.values("every", "email", "webhook_url", "site")
    told = Notice.objects.filter(owner_id=person.pk)
    yield (
        "notices.jsonl",
        told.values("channel", "job_id", "kind", "status", "created_at", "told_at", "reason"),
    )


def pseudonym(person: Any) -> str:
    """The same for all entries of a person, and nobody's name."""
    digest = salted_hmac(f"{__name__}.person", str(person.pk), algorithm="sha256")
    return f"erased-{digest.hexdigest()[:12]}"


def _pseudonymise(person: Any) -> None:
    """Who did what stays readable as of one person, whom nobody knows."""
    AuditEntry.objects.filter(owner_id=person.pk).update(owner=None, title="")
    theirs = AuditEntry.objects.filter(by_id=person.pk)
    theirs.update(by=None, name=pseudonym(person), address="", token=None)


def _jobs(person: Any) -> Iterator[Job]:
    """All of a person's that have ended or not, in the order of their keys."""
    found, after = Job.objects.filter(owner_id=person.pk).order_by("pk"), None
    while batch := list((found.filter(pk__gt=after) if after else found)[:BATCH]):
        yield from batch
        after = batch[-1].pk


def _entries(person: Any) -> Any:
    return AuditEntry.objects.filter(Q(owner_id=person.pk) | Q(by_id=person.pk)).order_by("pk")


def _add_files(archive: zipfile.ZipFile, job: Job) -> None:
    uploads = [value for value in job.params.values() if isinstance(value, str)]
    names = [name for name in uploads if name.startswith(f"uploads/{job.pk}/")]
    for name in [*names, *map(job.file_path, job.files)]:
        with suppress(OSError), default_storage.open(name) as file:
            _copy(file, archive, f"files/{name}")


def _copy(file: "File[bytes]", archive: zipfile.ZipFile, name: str) -> None:
    with archive.open(name, "w", force_zip64=True) as out:
        for chunk in file.chunks():
            out.write(chunk)


def _add(archive: zipfile.ZipFile, name: str, records: Iterable[Any]) -> None:
    with archive.open(name, "w") as out:
        for record in records:
            out.write(_line(record))


def _line(record: Any) -> bytes:
    return (json.dumps(record, default=str, ensure_ascii=False) + "\n").encode()
