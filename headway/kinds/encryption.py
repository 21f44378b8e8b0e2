"""Fernet under keys that are derived from SECRET_KEY. Imported with the first secret that a process
seals or reads: cryptography takes 7 MB."""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes


def encrypt(plain: bytes) -> str:
    """Encrypted and signed under the newest key, as ASCII text."""
    return _keys().encrypt(plain).decode("ascii")


def decrypt(text: str) -> bytes:
    """The plain bytes again. Raises ValueError when it was encrypted under another key, or never,
    and TypeError when it is no text."""
    try:
        return _keys().decrypt(text)
    except InvalidToken as error:
        raise ValueError("nothing that was encrypted under a key of this site") from error


def _keys() -> MultiFernet:
    return _derived((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=4)
def _derived(secrets: tuple[str | bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derive(key))) for key in secrets])


def _derive(secret: str | bytes) -> bytes:
    """A key of its own: what Django signs with SECRET_KEY says nothing about it (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=b"headway.kinds.sealing").derive(force_bytes(secret))
