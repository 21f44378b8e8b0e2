"""Converts a broker's URL as people write it to Celery's form."""

from urllib.parse import parse_qs, urlsplit


def broker_url(url: str) -> str:
    """`unix://` is `redis+socket://` to Celery, which would also check no certificate of a
    `rediss://` server unless it is told to."""
    url = url.replace("unix://", "redis+socket://")
    parts = urlsplit(url)
    if parts.scheme == "rediss" and "ssl_cert_reqs" not in parse_qs(parts.query):
        url += f"{'&' if parts.query else '?'}ssl_cert_reqs=required"
    return url
