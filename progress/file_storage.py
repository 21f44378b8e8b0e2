"""Where uploads and results are: in DATA_DIR, or in a bucket of a service that speaks S3."""

from importlib.util import find_spec
from typing import Any

MAX_MEMORY = 1024 * 1024
"""Bytes of a file that is read out of a bucket that are in memory; of more all is on the disk."""


def file_storage(bucket: str) -> dict[str, Any]:
    """An entry of STORAGES. Keys and region of a bucket, and the address of a service other than
    Amazon's, are in the environment as boto3 has them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL_S3)."""
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": bucket,
            "file_overwrite": False,
            "max_memory_size": MAX_MEMORY,
            "signature_version": "s3v4",
        },
    }


def problem(bucket: str) -> str:
    """Why a bucket cannot be used, in a sentence."""
    if bucket and find_spec("storages") is None:
        return 'FILES_BUCKET: install what it takes: pip install "django-headway[s3]".'
    return ""
