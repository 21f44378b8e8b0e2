"""Checks the server of REDIS_URL once, before a process starts: an unreachable one may come up
later, an unsuitable one is rejected."""

import ssl

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

TIMEOUT = 2.0
"""Seconds that a server may take to answer; a slower one is taken on trust."""


def refusal(url: str) -> str:
    """Why this server cannot be used, in a sentence without the password; "" when it can, or when
    that cannot be told."""
    try:
        with redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            about = client.info("everything")
    except ValueError:  # its own text may hold a part of the password
        return "REDIS_URL cannot be understood: check its port, its database and its options."
    except (redis.AuthenticationError, redis.exceptions.AuthenticationWrongNumberOfArgsError):
        return "REDIS_URL: the server refuses the user or the password in it."
    except redis.ConnectionError as error:
        return _untrusted(error)
    except (redis.RedisError, OSError):
        return ""  # not now, or the user may not ask
    if about.get("cluster_enabled"):
        return (
            "REDIS_URL: Redis Cluster is not supported; use one primary, with replicas if wanted."
        )
    if about.get("role") == "slave":
        return "REDIS_URL: this server is a read-only replica; use the address of its primary."
    return ""


def _untrusted(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                "REDIS_URL: the certificate of the server is not trusted; name the file of its"
                f" authority by ?ssl_ca_certs=PATH ({error.verify_message})."
            )
        error = error.__cause__ or error.__context__
    return ""
