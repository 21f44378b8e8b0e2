"""What a request for a stream says: where it wants to go on, and whose it claims to be."""

import re
from typing import NamedTuple

from django.conf import settings
from django.http import HttpRequest


class Cursor(NamedTuple):
    """Where a client wants to go on. `number` is None when it has none, or one of no use; then
    `reason` says so."""

    number: int | None
    reason: str = ""

    @classmethod
    def from_text(cls, text: str) -> "Cursor":
        """What a client has sent. Garbage is never an error."""
        if not text:
            return cls(None)
        if re.fullmatch(r"[0-9]{1,18}", text):
            return cls(int(text))
        return cls(None, "unknown")


def cursor(request: HttpRequest) -> Cursor:
    """The client's cursor: the `Last-Event-ID` header, else `?cursor=`, since a rebuilt EventSource
    cannot send the header (WHATWG HTML, section 9.2.4)."""
    return Cursor.from_text(request.headers.get("Last-Event-ID") or request.GET.get("cursor") or "")


def asks(request: HttpRequest) -> str:
    """The identity that a request claims, not yet checked; else its address."""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    address = request.META.get("REMOTE_ADDR", "")
    return request.headers.get("Authorization") or session or address
