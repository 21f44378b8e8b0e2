"""System checks: every setting that cannot work is explained before anything starts."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register, run_checks

from headway.stream import descriptors, direct, servers
from progress.redis_at_start import refusal

REDIS_SCHEMES = ("redis", "rediss", "unix")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "amqp", "amqps", "pyamqp")


@register
def check_settings(**_: Any) -> list[CheckMessage]:
    """One error per setting that cannot work."""
    return [Error(problem, id="progress.E001") for problem in _problems()]


@register(deploy=True)
def check_streams(**_: Any) -> list[CheckMessage]:
    """A warning for all that makes streams cost more, or be fewer, than they could."""
    found: list[CheckMessage] = [
        checks.Warning(
            f"The installed {name} lacks {', '.join(missing)}: its streams are written by the"
            " server, which costs several times as much. Install the version of requirements.txt.",
            id="progress.W031",
        )
        for name, missing in servers.missing().items()
        if missing
    ]
    if not settings.STREAM_HAND_OVER or not direct.is_possible():
        found.append(
            checks.Warning(
                "Streams are written by the server, which costs several times as much: set"
                " STREAM_HAND_OVER=true, on Linux.",
                id="progress.W032",
            )
        )
    if sentence := shortage(descriptors.most()):
        found.append(checks.Warning(sentence, id="progress.W033"))
    return found


def shortage(limit: int) -> str:
    """What to do about a process that may open `limit` files and connections; "" if nothing."""
    if limit >= settings.STREAM_MAX:
        return ""
    return (
        f"A process may have {limit} files and connections open, and STREAM_MAX is"
        f" {settings.STREAM_MAX}: raise the limit (LimitNOFILE of systemd, --ulimit nofile of"
        " Docker), or lower STREAM_MAX. Streams over the limit are told to come back later."
    )


def _problems() -> Iterator[str]:
    yield from settings.ENVIRONMENT_PROBLEMS
    if urlsplit(settings.REDIS_URL).scheme not in REDIS_SCHEMES:
        yield "REDIS_URL: use redis://HOST:6379/0, rediss:// for TLS, or unix://PATH."
    if urlsplit(settings.CELERY_BROKER_URL).scheme not in BROKER_SCHEMES:
        yield "CELERY_BROKER_URL: use a redis://, rediss://, unix://, amqp:// or amqps:// URL."
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            yield f"CORS_ALLOWED_ORIGINS: {origin!r} is no origin: use https://HOST alone."
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
