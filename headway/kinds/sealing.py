"""Values that only processes with this site's SECRET_KEY can read."""

import base64
import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


class UnreadableError(Exception):
    """The value was sealed under another key, or is no sealed value."""


def seal(value: Any) -> str:
    """A JSON value as ASCII text, encrypted and signed (Fernet) under the newest key."""
    return _keys().encrypt(json.dumps(value).encode()).decode("ascii")


def unseal(text: str) -> Any:
    """The value again, also after SECRET_KEY has moved to SECRET_KEY_FALLBACKS. Raises
    UnreadableError."""
    try:
        return json.loads(_keys().decrypt(text))
    except (InvalidToken, TypeError, ValueError) as error:
        raise UnreadableError from error


def _keys() -> MultiFernet:
    return _derived((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in secrets])


def _derive(secret: str | bytes) -> bytes:
    """A key of its own: what Django signs with SECRET_KEY says nothing about it (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=b"headway.kinds.sealing").derive(force_bytes(secret))
