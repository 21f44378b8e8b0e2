"""Where files of jobs are in the default storage: uploads/<job>/ and results/<job>/<attempt>/."""

import logging
import uuid
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import get_valid_filename

logger = logging.getLogger(__name__)
NAME_BYTES = 128
"""Half of what most file systems take: a storage may add to a name."""


def safe_name(name: str) -> str:
    """The last part of `name` as a file name for every system; never empty, of the end of a long
    one at most NAME_BYTES in UTF-8."""
    last = PurePosixPath(name.replace("\\", "/")).name
    try:
        safe = get_valid_filename(last)
    except SuspiciousFileOperation:
        return "file"
    kept = safe.encode()[-NAME_BYTES:].decode(errors="ignore")
    return safe if kept == safe else kept.lstrip(".") or "file"


def store_uploads(job: uuid.UUID, params: Mapping[str, Any], saved: list[str]) -> dict[str, Any]:
    """`params` with each upload replaced by its storage name, which is also added to `saved`."""
    named = dict(params)
    for key, value in params.items():
        if isinstance(value, UploadedFile):
            path = f"uploads/{job}/{safe_name(value.name or '')}"
            named[key] = default_storage.save(path, value)
            saved.append(named[key])
    return named


def size(name: str) -> int | None:
    """Bytes of a stored file; None when it is gone, or the storage does not tell."""
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return None
    except Exception as error:  # noqa: BLE001 - as below
        logger.warning("The size of %s cannot be told: %s", name, error)
        return None


def delete(names: Iterable[str]) -> None:
    """Deletes stored files; what cannot be deleted is logged and left."""
    for name in names:
        try:
            default_storage.delete(name)
        except Exception as error:  # noqa: BLE001 - storages raise what their services' libraries do
            logger.warning("%s could not be deleted: %s", name, error)


def delete_all_of(job: uuid.UUID) -> None:
    """Deletes every upload and result of a job, and their folders."""
    for folder in (f"uploads/{job}", f"results/{job}"):
        delete_folder(folder)


def delete_folder(folder: str) -> None:
    """Deletes all that is in a folder, and the folder."""
    try:
        folders, names = default_storage.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    for inner in folders:
        delete_folder(f"{folder}/{inner}")
    delete([*(f"{folder}/{name}" for name in names), folder])
