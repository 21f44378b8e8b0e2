"""What is left behind where no row tells of it: sessions that have expired, uploads that nobody
used, and files without a job or of jobs that outlive them."""

import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from headway.conf import conf
from headway.lifecycle import files, uploading
from headway.models import TERMINAL, Job

SESSIONS = "django.contrib.sessions"
BATCH = 500
SESSIONS_EVERY, FILES_EVERY, UPLOADS_EVERY = 3600.0, 6 * 3600.0, 60.0
"""Seconds between two looks."""
YOUNG = timedelta(days=1)
"""Age up to which a file without a job may be one of a start that is not committed yet."""
_looked: dict[str, float] = {}


def clear_sessions() -> None:
    """Deletes sessions that have expired, in small batches where they are rows."""
    none = settings.SESSION_ENGINE.startswith("django.") and SESSIONS not in settings.INSTALLED_APPS
    if none or not is_due("sessions", SESSIONS_EVERY):
        return
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    if not hasattr(store, "get_model_class"):
        store.clear_expired()  # nothing to do for caches and cookies
        return
    sessions = store.get_model_class()._base_manager
    old = sessions.filter(expire_date__lt=timezone.now()).values_list("pk", flat=True)
    while found := list(old[:BATCH]):
        sessions.filter(pk__in=found).delete()


def expire_uploads() -> None:
    """Deletes uploads that nobody has continued or used in time."""
    if is_due("uploads", UPLOADS_EVERY):
        uploading.expire()


def remove_orphans() -> None:
    """Deletes uploads and results of jobs that are no more: of starts that were broken off, and
    what a storage did not delete in time. And those of jobs that ended longer ago than UPLOAD_DAYS
    and RESULT_DAYS say, where the job itself is kept longer."""
    if not is_due("files", FILES_EVERY):
        return
    for place, days in (("uploads", conf.UPLOAD_DAYS), ("results", conf.RESULT_DAYS)):
        folders = _folders(place)
        while named := list(islice(folders, BATCH)):
            found = Job.objects.filter(pk__in=named)
            known = set(found.values_list("pk", flat=True))
            for job in set(named) - known:
                if all(_is_old(name) for name in _within(f"{place}/{job}")):
                    files.delete_folder(f"{place}/{job}")
            if days:
                ended = found.filter(finished_at__lt=timezone.now() - timedelta(days))
                for job in ended.filter(status__in=TERMINAL).values_list("pk", flat=True):
                    files.delete_folder(f"{place}/{job}")


def is_due(what: str, every: float) -> bool:
    """Whether this process has not looked for something for so many seconds; it does now."""
    now = time.monotonic()
    if now - _looked.get(what, now - every) < every:
        return False
    _looked[what] = now
    return True


def _folders(place: str) -> Iterator[uuid.UUID]:
    """Those that have the name of a job, as we write it."""
    for name in _listed(place)[0]:
        try:
            job = uuid.UUID(name)
        except ValueError:
            continue
        if str(job) == name:
            yield job


def _within(folder: str) -> list[str]:
    """All files in a folder; if it is empty, itself."""
    folders, names = _listed(folder)
    inner = [name for each in folders for name in _within(f"{folder}/{each}")]
    return [*inner, *(f"{folder}/{name}" for name in names)] or [folder]


def _is_old(name: str) -> bool:
    try:
        return default_storage.get_modified_time(name) < timezone.now() - YOUNG
    except OSError:  # deleted meanwhile
        return True


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """The names of folders and files in a folder; none where there is no such folder."""
    try:
        return default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return [], []
