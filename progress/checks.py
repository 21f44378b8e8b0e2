"""System checks: every invalid setting is explained before anything starts."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, register, run_checks
from django.core.checks import Warning as CheckWarning

from headway.stream import redis_clients
from progress import file_storage, safety
from progress.data_dir import is_open
from progress.redis_at_start import is_redis, refusal

BROKER_SCHEMES = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "pyamqp")


@register
def check_settings(**_: Any) -> list[CheckMessage]:
    """One error per setting that cannot work."""
    return [Error(problem, id="progress.E001") for problem in _problems()]


@register
def check_data_directory(**_: Any) -> list[CheckMessage]:
    """Files in it are made for their owner alone; but their names can be read, and older files."""
    if not is_open(settings.DATA_DIR):
        return []
    sentence = (
        f"DATA_DIR: other users of this machine can look into {settings.DATA_DIR}, which was not"
        " closed because another user owns it or it has files that are not Headway's. Give DATA_DIR"
        " a directory of its own, or close it: chmod go= on it."
    )
    return [CheckWarning(sentence, id="progress.W001")]


def _problems() -> Iterator[str]:
    yield from settings.ENVIRONMENT_PROBLEMS
    if urlsplit(settings.CELERY_BROKER_URL).scheme not in BROKER_SCHEMES:
        yield (
            "CELERY_BROKER_URL: use a redis://, rediss://, unix://, sentinel://, amqp:// or"
            " amqps:// URL."
        )
    elif (
        redis_clients.is_watched(settings.BROKER_URL)
        and not settings.CELERY_BROKER_TRANSPORT_OPTIONS
    ):
        yield f"CELERY_BROKER_URL: of Sentinels, use {redis_clients.FORM}."
    if settings.CELERY_TASK_DEFAULT_QUEUE_TYPE not in ("classic", "quorum"):
        yield "QUEUE_TYPE: use classic, or quorum with RabbitMQ."
    for origin in settings.CORS_ALLOWED_ORIGINS:
        if not re.fullmatch(r"https?://[^/\s*]+", origin):
            yield f"CORS_ALLOWED_ORIGINS: {origin!r} is no origin: use https://HOST alone."
    if not re.fullmatch(r"((https?:/)?/[!-~]+)?", settings.CSP_REPORT_URI) or (
        {*"\"',;"} & {*settings.CSP_REPORT_URI}
    ):
        yield "CSP_REPORT_URI: use an address such as https://reports.example/csp, or a path."
    if sentence := file_storage.problem(settings.FILES_BUCKET):
        yield sentence
    yield from safety.problems()
    yield from _problems_of_the_model()
    yield from _problems_of_the_provider()


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


def _problems_of_the_provider() -> Iterator[str]:
    """Nothing at all where none is configured."""
    given = (settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)
    if any(given) and not all(given):
        yield "OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET: set all three, or none."
    if not settings.OIDC_ISSUER:
        return
    url = urlsplit(settings.OIDC_ISSUER)
    if url.scheme != "https" and url.hostname not in ("127.0.0.1", "localhost"):
        yield "OIDC_ISSUER: use the provider's https:// address, as its configuration has it."
    if not (find_spec("authlib") and find_spec("requests")):
        yield "OIDC_ISSUER: needs two packages: pip install -r requirements-oidc.txt."


def require_sound_settings() -> None:
    """For processes that serve: end with the sentences when a check fails, or when the server of
    REDIS_URL is one that can never do."""
    problems = [each for each in run_checks() if each.is_serious() and not each.is_silenced()]
    sentences = [*map(str, problems)] or [*filter(None, _refusals())]
    if sentences:
        raise SystemExit("\n".join(sentences))


def _refusals() -> Iterator[str]:
    yield refusal("REDIS_URL", settings.REDIS_URL)
    if settings.BROKER_URL != settings.REDIS_URL and is_redis(settings.BROKER_URL):
        yield refusal("CELERY_BROKER_URL", settings.BROKER_URL)
