"""System checks: what of the settings can never work, or costs more than it should."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

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
    if conf.LOG_TTL < conf.STREAM_MAX_AGE:
        yield (
            f"LOG_TTL is {conf.LOG_TTL} s and STREAM_MAX_AGE {conf.STREAM_MAX_AGE} s:"
            " keep the log at least as long as a stream may last."
        )
