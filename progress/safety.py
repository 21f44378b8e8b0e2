"""Refuses settings that are safe on the developer's own machine only."""

import ipaddress
from collections.abc import Iterator

from django.conf import settings

KEY_LENGTH, KEY_SIGNS = 50, 5
"""Of a SECRET_KEY at least: its characters, and how many of them differ."""


def problems() -> Iterator[str]:
    """A sentence per setting that would open the site to others."""
    yield from _problems_with_debug() if settings.DEBUG else _problems_in_production()
    if settings.SECURE_SSL_REDIRECT and not settings.HTTPS:
        yield "SSL_REDIRECT: set HTTPS=true as well, or every page redirects to itself."
    if settings.SECURE_HSTS_SECONDS and not settings.HTTPS:
        yield "HSTS_SECONDS: set HTTPS=true as well, or browsers are never told."


def _problems_with_debug() -> Iterator[str]:
    shown = "its error pages show settings and code to everyone who can reach them."
    if not _is_here(settings.BIND):
        yield f"DEBUG: unset it, or BIND to 127.0.0.1: {shown}"
    if not all(map(_is_here, settings.ALLOWED_HOSTS)):
        yield f"DEBUG: unset it, or have only localhost in ALLOWED_HOSTS: {shown}"


def _problems_in_production() -> Iterator[str]:
    key = settings.SECRET_KEY
    if len(key) < KEY_LENGTH or len(set(key)) < KEY_SIGNS or key.startswith("django-insecure-"):
        yield (
            f"SECRET_KEY: use at least {KEY_LENGTH} random characters, as `openssl rand -hex 32`"
            " prints them: who can guess the key can sign in as anyone."
        )
    if "*" in settings.ALLOWED_HOSTS:
        yield (
            "ALLOWED_HOSTS: name the hosts instead of *, such as jobs.example.com: links would lead"
            " to whatever host a request names."
        )


def _is_here(host: str) -> bool:
    host = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
