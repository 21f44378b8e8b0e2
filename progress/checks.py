"""System checks: every setting that cannot work is explained before anything starts."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks

from progress.redis_at_start import refusal

REDIS_SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp")


@register
def check_settings(**_: Any) -> list[CheckMessage]:
    """One error per setting that cannot work."""
    return [Error(problem, id="progress.E001") for problem in _problems()]


def _problems() -> Iterator[str]:
    yield from settings.ENVIRONMENT_PROBLEMS
    if urlsplit(settings.REDIS_URL).scheme not in REDIS_SCHEMES:
        yield "REDIS_URL: use redis://HOST:6379/0, rediss:// for TLS, or unix://PATH."
    if urlsplit(settings.CELERY_BROKER_URL).scheme not in BROKER_SCHEMES:
        yield "CELERY_BROKER_URL: use a redis://, rediss://, unix://, amqp:// or amqps:// URL."
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            yield f"CORS_ALLOWED_ORIGINS: {origin!r} is no origin: use https://HOST alone."
    for pattern in settings.SECRET_PARAMETERS:
        if not re.fullmatch(r"[a-z0-9_*?]+", pattern):
            yield (
                f"SECRET_PARAMETERS: {pattern!r} matches no name: use letters, digits, _, * and ?,"
                " the last two as in names of files."
            )
    if settings.JOB_SHOW_ERRORS and not settings.DEBUG:
        yield "JOB_SHOW_ERRORS: shows users what errors say, so it goes with DEBUG=true alone."
    if settings.JOB_LEASE < 2 * settings.JOB_LEASE_RENEW:
        yield (
            f"JOB_LEASE is {settings.JOB_LEASE} s and JOB_LEASE_RENEW {settings.JOB_LEASE_RENEW} s:"
            " make the lease at least twice as long, or one late renewal loses a running job."
        )
    if settings.LOG_TTL < settings.STREAM_MAX_AGE:
        yield (
            f"LOG_TTL is {settings.LOG_TTL} s and STREAM_MAX_AGE {settings.STREAM_MAX_AGE} s:"
            " keep the log at least as long as a stream may last."
        )
    yield from _problems_of_the_model()


def _problems_of_the_model() -> Iterator[str]:
    try:
        url = urlsplit(settings.LLM_BASE_URL)
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        usable = False
    if settings.LLM_BASE_URL and (not usable or "@" in settings.LLM_BASE_URL):
        yield (
            "LLM_BASE_URL: use the address before /chat/completions, such as"
            " http://localhost:11434/v1, without a user or password."
        )
    if bool(settings.LLM_BASE_URL) != bool(settings.LLM_MODEL):
        yield "LLM_BASE_URL and LLM_MODEL: set both, or neither to have no language model."
    if not re.fullmatch(r"[!-~]*", settings.LLM_API_KEY):
        yield "LLM_API_KEY: use the key alone, without spaces or other signs around it."


def require_sound_settings() -> None:
    """For processes that serve: end with the sentences when a check fails, or when the server of
    REDIS_URL is one that can never do."""
    problems = [each for each in run_checks() if each.is_serious() and not each.is_silenced()]
    sentences = [*map(str, problems)] or [*filter(None, [refusal(settings.REDIS_URL)])]
    if sentences:
        raise SystemExit("\n".join(sentences))
