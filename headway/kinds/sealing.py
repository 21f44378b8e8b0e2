"""Encrypts values so that only processes with this site's SECRET_KEY can read them."""

import base64
import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.encoding import force_bytes

try:
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:
    IS_POSSIBLE = False
else:
    IS_POSSIBLE = True

INSTALL = 'Secrets need cryptography: pip install "django-headway[secrets]".'
"""What to do where values cannot be sealed."""


class UnreadableError(Exception):
    """The value was sealed under another key, or is no sealed value."""


def seal(value: Any) -> str:
    """A JSON value as ASCII text, encrypted and signed (Fernet) under the newest key."""
    return _keys().encrypt(json.dumps(value).encode()).decode("ascii")


def unseal(text: str) -> Any:
    """The value again, also after SECRET_KEY has moved to SECRET_KEY_FALLBACKS. Raises
    UnreadableError."""
    keys = _keys()
    try:
        return json.loads(keys.decrypt(text))
    except (InvalidToken, TypeError, ValueError) as error:
        raise UnreadableError from error


def _keys() -> "MultiFernet":
    if not IS_POSSIBLE:
        raise ImproperlyConfigured(INSTALL)
    return _derived((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str | bytes, ...]) -> "MultiFernet":
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in secrets])


def _derive(secret: str | bytes) -> bytes:
    """A key of its own: what Django signs with SECRET_KEY says nothing about it (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=b"headway.kinds.sealing").derive(force_bytes(secret))
