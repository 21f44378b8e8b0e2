"""System checks: what of the settings can never work, or costs more than it should."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.db import connections

from headway.conf import conf, problems

REDIS_SCHEMES = ("redis", "rediss", "unix")


def check_settings(**_: Any) -> list[CheckMessage]:
    """`headway.E001`: one error for each setting that cannot work."""
    sentences = problems(getattr(settings, "HEADWAY", {})) or [*_contradictions()]
    return [Error(sentence, id="headway.E001") for sentence in sentences]


def _contradictions() -> Iterator[str]:
    if urlsplit(conf.REDIS_URL).scheme not in REDIS_SCHEMES:
        yield "REDIS_URL: use redis://HOST:6379/0, rediss:// for TLS, or unix://PATH."
    if conf.JOB_LEASE < 2 * conf.JOB_LEASE_RENEW:
        yield (
            f"JOB_LEASE is {conf.JOB_LEASE} s and JOB_LEASE_RENEW {conf.JOB_LEASE_RENEW} s:"
            " make the lease at least twice as long, or one late renewal loses a running job."
        )
    for pattern in conf.SECRET_PARAMETERS:
        if not re.fullmatch(r"[a-z0-9_*?]+", pattern):
            yield (
                f"SECRET_PARAMETERS: {pattern!r} matches no name: use letters, digits, _, * and ?,"
                " the last two as in names of files."
            )
    if conf.JOB_SHOW_ERRORS and not settings.DEBUG:
        yield "JOB_SHOW_ERRORS: shows users what errors say, so it goes with DEBUG=true alone."
    if conf.LOG_TTL < conf.STREAM_MAX_AGE:
        yield (
            f"LOG_TTL is {conf.LOG_TTL} s and STREAM_MAX_AGE {conf.STREAM_MAX_AGE} s:"
            " keep the log at least as long as a stream may last."
        )


def check_database(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """`headway.E003`: a database of before the first release is refused, or its history would be
    shown as empty."""
    return [
        Error(
            f"The database {alias!r} is of a version before the first release, whose jobs cannot be"
            " read. Move it away (for SQLite, the whole DATA_DIR) and start again.",
            id="headway.E003",
        )
        for alias in databases or []
        if _is_of_before(connections[alias].introspection.table_names())
    ]


def _is_of_before(tables: list[str]) -> bool:
    return "jobs_attempt" in tables and "headway_attempt" not in tables
