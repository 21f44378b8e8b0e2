"""Converts a broker's URL as people write it to Celery's form."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from headway.stream import redis_clients


def broker_url(url: str) -> str:
    """`unix://` is `redis+socket://` to Celery, which would also check no certificate of a
    `rediss://` server unless it is told to, and wants a URL for each Sentinel."""
    url = url.replace("unix://", "redis+socket://")
    parts = urlsplit(url)
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(parts.query):
        url += f"{'&' if parts.query else '?'}ssl_cert_reqs=required"
    if not redis_clients.is_watched(url):
        return url
    try:
        found = redis_clients.watched(url)
    except ValueError:
        return url  # which the checks explain
    who = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    database = found.options.get("db", 0)
    return ";".join(f"sentinel://{who}{host}:{port}/{database}" for host, port in found.sentinels)


def transport_options(url: str) -> dict[str, Any]:
    """What Celery is to be told of Sentinels beside their addresses."""
    if not redis_clients.is_watched(url):
        return {}
    try:
        found = redis_clients.watched(url)
    except ValueError:
        return {}
    patience = dict.fromkeys(
        ("socket_timeout", "socket_connect_timeout"), redis_clients.SENTINEL_TIMEOUT
    )
    return {"master_name": found.service, "sentinel_kwargs": patience | found.access}
