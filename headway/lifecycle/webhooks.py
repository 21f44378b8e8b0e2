"""Webhooks as https://www.standardwebhooks.com has them: signed, and sent to public addresses
alone."""

import base64
import hmac
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.encoding import iri_to_uri
from django.utils.translation import gettext as _

from headway.conf import conf
from headway.models import NoticeChoice

TIMEOUT = 10.0
"""Seconds that one delivery may take, from connecting to the status line."""
PREFIX = "whsec_"
UNICAST = ipaddress.ip_network("2000::/3")
"""What the Internet has of IPv6: the rest is local, or leads to any IPv4 address."""
TUNNELS = [ipaddress.ip_network(each) for each in ("2002::/16", "2001::/32")]
"""Of those what leads to any IPv4 address, a private one too."""


class RefusedError(Exception):
    """Nothing may be sent to this address; the message is a sentence for the person."""


def keys(choice: NoticeChoice) -> list[str]:
    """A person's key as receivers are given it, whsec_ and base64; then those under earlier values
    of SECRET_KEY. Nothing of it is stored but a seed."""
    return [
        PREFIX + base64.b64encode(_key(choice.seed, secret)).decode()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def signed(choice: NoticeChoice, name: str, body: bytes) -> dict[str, str]:
    """The headers of a message: one signature for each key, as after a change of keys."""
    now = int(time.time())
    return {
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(signature(key, name, now, body) for key in keys(choice)),
    }


def signature(key: str, name: str, seconds: int, body: bytes) -> str:
    """Of a message, its name and the time at which it is sent, in seconds since 1970."""
    text = b"%s.%d.%s" % (name.encode(), seconds, body)
    made = hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), text, "sha256")
    return f"v1,{base64.b64encode(made).decode()}"


class Target(NamedTuple):
    """Where something is sent."""

    host: str
    port: int
    path: str
    secure: bool


def check(url: str) -> Target:
    """Where an address leads, if something may be sent there as far as its text tells. Raises
    RefusedError."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except ValueError:
        raise RefusedError(_("This is no address.")) from None
    if parts.scheme not in ("http", "https") or not host:
        raise RefusedError(_("Use an address that begins with https://."))
    if parts.username is not None or parts.password is not None:
        raise RefusedError(_("Leave name and password out of it: messages are signed."))
    secure = parts.scheme == "https"
    path = iri_to_uri(urlunsplit(("", "", parts.path or "/", parts.query, "")))
    target = Target(host, port or (443 if secure else 80), path, secure)
    if host in conf.WEBHOOK_HOSTS:
        return target
    if not secure:
        raise RefusedError(_("Use https: others could read what is sent by http."))
    with suppress(ValueError):
        if not _is_public(host):
            raise RefusedError(_("This address is not public."))
    return target


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Sends a message and returns the status of the answer, of which nothing else is read.
    Redirects are not followed, and no proxy is used. Raises RefusedError, and OSError or
    HTTPException where nothing answers, TimeoutError after TIMEOUT."""
    target = check(url)
    connection = _Pinned(target, _address(target))
    watch = threading.Timer(TIMEOUT, connection.abort)
    watch.daemon = True
    watch.start()
    try:
        return _status(connection, target.path, body, headers)
    finally:
        watch.cancel()
        connection.close()


def _status(connection: "_Pinned", path: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        connection.request("POST", path, body, headers | {"User-Agent": "django-headway"})
        status = connection.getresponse().status
    except (OSError, HTTPException):
        if connection.aborted:
            raise TimeoutError from None
        raise
    if connection.aborted:  # half an answer, which http.client takes for a whole one
        raise TimeoutError
    return status


class _Pinned(HTTPConnection):
    """Connects to the address that was checked, whatever the name says by then."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT)
        self._address, self._secure, self.aborted = address, target.secure, False

    def connect(self) -> None:
        """Over TLS for the name, where the target is secure."""
        self.sock = socket.create_connection((self._address, self.port), TIMEOUT)
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()

    def abort(self) -> None:
        """Ends it, in whatever it waits: a receiver that sends a byte now and then does not keep
        it for ever."""
        self.aborted = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _address(target: Target) -> str:
    """Where a name leads. Raises RefusedError where any of it is not public."""
    found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    known = [str(where[0]) for *_more, where in found]
    if target.host not in conf.WEBHOOK_HOSTS and not all(map(_is_public, known)):
        raise RefusedError(_("This name leads to an address that is not public."))
    return known[0]


def _is_public(text: str) -> bool:
    """Raises ValueError for what is no IP address."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    local = address.version == 6 and address not in UNICAST
    tunnels = any(address in net for net in TUNNELS)
    return address.is_global and not (address.is_multicast or local or tunnels)


def _key(seed: str, secret: str | bytes) -> bytes:
    return salted_hmac("headway.webhook", seed, secret=secret, algorithm="sha256").digest()
