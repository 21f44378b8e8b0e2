"""System checks: settings that can never work, or that cost more than they should."""

import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from headway.conf import conf, problems
from headway.stream import descriptors, direct, redis_clients, servers

REDIS_SCHEMES = ("redis", "rediss", "unix")


def check_settings(**_: Any) -> list[CheckMessage]:
    """`headway.E001`: one error for each setting that cannot work."""
    sentences = problems(getattr(settings, "HEADWAY", {})) or [*_contradictions(), *_limits()]
    return [Error(sentence, id="headway.E001") for sentence in sentences]


def _contradictions() -> Iterator[str]:
    yield from _of_redis()
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
    for each in conf.CAPTURE_LOGGING:
        if each.partition(":")[2].upper() not in {"", *logging.getLevelNamesMapping()}:
            yield f"CAPTURE_LOGGING: {each!r} names no level: use LOGGER or LOGGER:WARNING."
    if conf.JOB_SHOW_ERRORS and not settings.DEBUG:
        yield "JOB_SHOW_ERRORS: shows users the text of errors, so it requires DEBUG=true."
    if conf.JOB_CANCEL_DEACTIVATED and conf.JOB_SUCCESSOR:
        yield "JOB_SUCCESSOR: jobs end or pass on, so leave JOB_CANCEL_DEACTIVATED out."
    yield from _of_answers()


def _of_redis() -> Iterator[str]:
    if redis_clients.is_watched(conf.REDIS_URL):
        try:
            redis_clients.watched(conf.REDIS_URL)
        except ValueError:  # its own text may hold a part of the password
            yield f"REDIS_URL: of Sentinels, use {redis_clients.FORM}."
    elif urlsplit(conf.REDIS_URL).scheme not in REDIS_SCHEMES:
        yield (
            "REDIS_URL: use redis://HOST:6379/0, rediss:// for TLS, unix://PATH, or"
            f" {redis_clients.FORM}."
        )


def _of_answers() -> Iterator[str]:
    if conf.METRICS_TOKEN and not re.fullmatch(r"[!-~]{32,}", conf.METRICS_TOKEN):
        yield (
            "METRICS_TOKEN: use at least 32 random letters and digits, such as those of"
            " `openssl rand -hex 16`; without any, there are no metrics."
        )
    if conf.DOWNLOADS not in ("app", "storage") and not re.fullmatch(r"/(.+/)?", conf.DOWNLOADS):
        yield "DOWNLOADS: use app, storage, or the path of nginx's internal location, as /files/."
    yield from _wrong_notices()


def _limits() -> Iterator[str]:
    if conf.UPLOAD_MAX_BYTES_PER_USER < conf.UPLOAD_MAX_BYTES:
        yield (
            f"UPLOAD_MAX_BYTES_PER_USER is {conf.UPLOAD_MAX_BYTES_PER_USER} and UPLOAD_MAX_BYTES"
            f" {conf.UPLOAD_MAX_BYTES}: let all uploads of a user be at least as large as one."
        )
    if 0 < conf.BODY_MAX_BYTES < conf.UPLOAD_PART_BYTES:
        yield (
            f"UPLOAD_PART_BYTES is {conf.UPLOAD_PART_BYTES} and BODY_MAX_BYTES"
            f" {conf.BODY_MAX_BYTES}: let a part of an upload be no larger than a body may be."
        )
    if conf.LOG_TTL < conf.STREAM_MAX_AGE:
        yield (
            f"LOG_TTL is {conf.LOG_TTL} s and STREAM_MAX_AGE {conf.STREAM_MAX_AGE} s:"
            " keep the log at least as long as a stream may last."
        )


def _wrong_notices() -> Iterator[str]:
    for each in conf.NOTICES:
        if each not in ("email", "webhook"):
            yield f"NOTICES: {each!r} is no way to tell anybody: use email and webhook."
    if "email" in conf.NOTICES and settings.DEFAULT_FROM_EMAIL == "webmaster@localhost":
        yield "NOTICES: e-mail needs a sender, so set DEFAULT_FROM_EMAIL, and EMAIL_HOST."
    for each in conf.WEBHOOK_HOSTS:
        if not re.fullmatch(r"[a-z0-9.:-]+", each) or "://" in each:
            yield f"WEBHOOK_HOSTS: {each!r} is no host: use names or addresses, without a port."
    site = urlsplit(conf.SITE_URL)
    if conf.SITE_URL and (site.scheme not in ("http", "https") or not site.hostname):
        yield "SITE_URL: use the address of the site, such as https://jobs.example.com."


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


def check_streams(**_: Any) -> list[CheckMessage]:
    """A warning for all that makes streams cost more, or be fewer, than they could."""
    found: list[CheckMessage] = [
        CheckWarning(
            f"The installed {name} lacks {', '.join(missing)}: its streams are written by the"
            " server, which costs several times as much. Install the version of requirements.txt.",
            id="headway.W031",
        )
        for name, missing in servers.missing().items()
        if missing
    ]
    if not conf.STREAM_HAND_OVER or not direct.is_possible():
        found.append(
            CheckWarning(
                "Streams are written by the server, which costs several times as much: set"
                " STREAM_HAND_OVER=true, on Linux.",
                id="headway.W032",
            )
        )
    if sentence := shortage(descriptors.hard_limit()):
        found.append(CheckWarning(sentence, id="headway.W033"))
    return found


def shortage(limit: int) -> str:
    """What to do about a process that may open `limit` files and connections; "" if nothing."""
    if limit >= conf.STREAM_MAX:
        return ""
    return (
        f"A process may have {limit} files and connections open, and STREAM_MAX is"
        f" {conf.STREAM_MAX}: raise the limit (LimitNOFILE of systemd, --ulimit nofile of"
        " Docker), or lower STREAM_MAX. Streams over the limit are told to reconnect later."
    )
