"""Clients of the Redis that a URL names: of one server, or of whichever of several the Sentinels
say is the primary (sentinel://[USER:PASSWORD@]HOST[:PORT],.../SERVICE[/DB][?OPTION=VALUE&...])."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError

from .epoch import ABOUT

SCHEME = "sentinel"
PORT = 26379
SENTINEL_TIMEOUT = 0.5
"""Seconds that one Sentinel may take to answer; then the next is asked."""
FORM = "sentinel://HOST:26379,HOST:26379/SERVICE/0"

# redis-py has no type hints for these
_parse_url: Any = redis.connection.parse_url
_Sentinel: Any = redis.sentinel.Sentinel
_AsyncSentinel: Any = redis.asyncio.sentinel.Sentinel


class Watched(NamedTuple):
    """A primary that Sentinels watch over."""

    service: str
    """What they call it."""
    sentinels: list[tuple[str, int]]
    access: dict[str, Any]
    """How Sentinels are asked: `username`, `password`, `ssl` and such, as redis-py has them."""
    options: dict[str, Any]
    """The same for the servers, and `db`."""


def is_watched(url: str) -> bool:
    """Whether a URL names Sentinels."""
    return urlsplit(url).scheme == SCHEME


def watched(url: str) -> Watched:
    """What a URL of this scheme says. Options are those of redis:// URLs: `ssl=true` and `ssl_...`
    are for both, and what begins with `sentinel_` for Sentinels alone. Raises ValueError."""
    parts = urlsplit(url)
    who, _, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not hosts or not (database or "0").isdecimal():
        raise ValueError(f"use {FORM}")
    plain = f"redis://{who}{'@' if who else ''}any/{database or 0}?{parts.query}"
    given: dict[str, Any] = _parse_url(plain)
    del given["host"]
    given |= {"ssl": True} if str(given.pop("ssl", "")).lower() in ("true", "1") else {}
    own = {name: given.pop(name) for name in [*given] if name.startswith(f"{SCHEME}_")}
    access = {name: value for name, value in given.items() if name.startswith("ssl")}
    access |= {name.removeprefix(f"{SCHEME}_"): value for name, value in own.items()}
    return Watched(unquote(service), [*map(_address, hosts.split(","))], access, given)


def client(url: str, **options: Any) -> "redis.Redis":
    """Connects when first used. `options` are redis-py's, and go before those of the URL."""
    if not is_watched(url):
        return redis.Redis.from_url(url, **options)
    found = watched(url)
    access = _patient(redis.retry.Retry(NoBackoff(), 0)) | found.access
    sentinel = _Sentinel(found.sentinels, sentinel_kwargs=access)
    options = {**found.options, **options}
    options["redis_connect_func"] = _primary_only(options.get("redis_connect_func"))
    options["connection_class"] = _TlsConnection if options.get("ssl") else _Connection
    return cast("redis.Redis", sentinel.master_for(found.service, **options))


def async_client(url: str, **options: Any) -> "redis.asyncio.Redis":
    """The same for an event loop. `aclose` it."""
    if not is_watched(url):
        return redis.asyncio.Redis.from_url(url, **options)
    found = watched(url)
    access = _patient(redis.asyncio.retry.Retry(NoBackoff(), 0)) | found.access
    sentinel = _AsyncSentinel(found.sentinels, sentinel_kwargs=access)
    options = {"connection_pool_class": _Pool, **found.options, **options}
    options["redis_connect_func"] = _async_primary_only(options.get("redis_connect_func"))
    return cast("redis.asyncio.Redis", sentinel.master_for(found.service, **options))


class _Connection(redis.sentinel.SentinelManagedConnection):
    """Closed when an answer could not be read, as redis-py does it without Sentinels: what came
    later would be taken for the answer to the next command."""

    def read_response(self, *args: Any, **given: Any) -> Any:
        return super().read_response(*args, **{**given, "disconnect_on_error": True})


class _TlsConnection(_Connection, redis.connection.SSLConnection):
    pass


class _Pool(redis.asyncio.sentinel.SentinelConnectionPool):
    """Closes what it has open to the Sentinels, too."""

    async def disconnect(self, inuse_connections: bool = True) -> None:
        await super().disconnect(inuse_connections)
        if inuse_connections:  # else the primary is another one
            for sentinel in self.sentinel_manager.sentinels:
                await sentinel.aclose()


def _primary_only(then: Callable[[Any], None] | None) -> Callable[[Any], None]:
    """A Sentinel that has not heard of a failover still names the old primary, now a replica. Who
    reads or subscribes there would wait for what never comes, and no error would tell."""

    def on_connect(connection: Any) -> None:
        (then or type(connection).on_connect)(connection)
        connection.send_command(*ABOUT)
        with suppress(NoPermissionError):
            _refuse_replica(connection.read_response(disable_decoding=True))

    return on_connect


def _async_primary_only(
    then: Callable[[Any], Awaitable[None]] | None,
) -> Callable[[Any], Awaitable[None]]:
    async def on_connect(connection: Any) -> None:
        await (then or type(connection).on_connect)(connection)
        await connection.send_command(*ABOUT)
        with suppress(NoPermissionError):
            _refuse_replica(await connection.read_response(disable_decoding=True))

    return on_connect


def _refuse_replica(about: bytes) -> None:
    if b"role:slave" in about:
        raise redis.ConnectionError("The Sentinels still name a server that is a replica now.")


def _patient(retry: Any) -> dict[str, Any]:
    times = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), SENTINEL_TIMEOUT)
    return {**times, "retry": retry}


def _address(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError(f"use {FORM}")
    return parts.hostname, parts.port or PORT
