"""Encrypts values so that only processes with this site's SECRET_KEY can read them."""

import json
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.core.exceptions import ImproperlyConfigured

IS_POSSIBLE = find_spec("cryptography") is not None
INSTALL = 'Secrets need cryptography: pip install "django-headway[secrets]".'
"""What to do where values cannot be sealed."""


class UnreadableError(Exception):
    """The value was sealed under another key, or is no sealed value."""


def seal(value: Any) -> str:
    """A JSON value as ASCII text, encrypted and signed under the newest key."""
    sealed: str = _encryption().encrypt(json.dumps(value).encode())
    return sealed


def unseal(text: str) -> Any:
    """The value again, also after SECRET_KEY has moved to SECRET_KEY_FALLBACKS. Raises
    UnreadableError."""
    encryption = _encryption()
    try:
        return json.loads(encryption.decrypt(text))
    except (TypeError, ValueError) as error:
        raise UnreadableError from error


def _encryption() -> Any:
    if not IS_POSSIBLE:
        raise ImproperlyConfigured(INSTALL)
    return import_module("headway.kinds.encryption")
