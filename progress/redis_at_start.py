"""Checks the servers of REDIS_URL and CELERY_BROKER_URL once, before a process starts: an
unreachable one may come up later, an unsuitable one is rejected."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from headway.stream import redis_clients

TIMEOUT = 2.0
"""Seconds that a server may take to answer; a slower one is taken on trust."""


def is_redis(url: str) -> bool:
    """Whether a URL names a server, or servers, that can be looked at here."""
    return urlsplit(url).scheme in ("redis", "rediss", "unix", redis_clients.SCHEME)


def refusal(name: str, url: str) -> str:
    """Why the server of the setting `name` cannot be used, in a sentence without the password; ""
    when it can, or when that cannot be told."""
    try:
        with redis_clients.client(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            about = client.info("everything")
    except ValueError:  # its own text may hold a part of the password
        return f"{name} cannot be understood: check its port, its database and its options."
    except (redis.AuthenticationError, redis.exceptions.AuthenticationWrongNumberOfArgsError):
        return f"{name}: the server refuses the user or the password in it."
    except redis.ConnectionError as error:
        return _untrusted(name, error)
    except (redis.RedisError, OSError):
        return ""  # not now, or the user may not ask
    return _unsuitable(name, about)


def _unsuitable(name: str, about: dict[str, Any]) -> str:
    if about.get("redis_mode") == "sentinel":
        return f"{name}: this is a Sentinel; name all of them, as {redis_clients.FORM}."
    if about.get("cluster_enabled"):
        return f"{name}: Redis Cluster is not supported; use one primary, with replicas if wanted."
    if about.get("role") == "slave":
        return f"{name}: this server is a read-only replica; use the address of its primary."
    return ""


def _untrusted(name: str, error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f"{name}: the certificate of the server is not trusted; name the file of its"
                f" authority by ?ssl_ca_certs=PATH ({error.verify_message})."
            )
        error = error.__cause__ or error.__context__
    return ""
