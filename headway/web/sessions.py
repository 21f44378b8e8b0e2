"""Whom sessions let in: read for many at once where their engine keeps them in the database."""

import logging
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from headway import users
from headway.lifecycle import lookups

logger = logging.getLogger(__name__)


def store() -> Any:
    """The class of the project's sessions."""
    return _store(settings.SESSION_ENGINE)


def read(keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """What these sessions hold, by key; those that have ended hold nothing."""
    if _is_in_database():
        return {**read_together(keys)}
    return {key: _loaded(store(), key) for key in keys}


def read_together(keys: Collection[str]) -> dict[str, dict[str, Any]]:
    """What those of these sessions hold that have not ended, in one query; nothing where the engine
    keeps them elsewhere."""
    if not keys or not _is_in_database():
        return {}
    # 500 sessions in SQLite cost 30 ms of CPU, and 380 ms one by one.
    sessions, decode = store().get_model_class().objects, store()().decode
    rows = lookups.values(_living, sessions, keys, expire_date=timezone.now())
    return {key: decode(data) for key, data in rows}


def once(session: Any, held: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """A `load` for a session that has been read; the next one is its own again."""

    def load() -> dict[str, Any]:
        del session.load
        return held

    return load


def is_of(session: Mapping[str, Any], user: users.Person) -> bool:
    """Whether a session is signed in as a user, with the password of now, by a way of signing in
    that admits this user. As `django.contrib.auth.get_user`, which would ask for each alone."""
    if session.get(SESSION_KEY) != _name_of(user):
        return False
    backend = session.get(BACKEND_SESSION_KEY)
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    if not _admits(load_backend(str(backend)), user):
        return False
    if not hasattr(user, "get_session_auth_hash"):
        return True
    known = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(known, valid) for valid in hashes)


def lets_in(session: Any, user: users.Person, hash_of: Callable[[Any], str]) -> bool:
    """Whether `django.contrib.auth.get_user` would find just this user, and change nothing.
    `hash_of`: the user's `get_session_auth_hash()`, which takes longer than all the rest."""
    backend = session.get(BACKEND_SESSION_KEY)
    if session.get(SESSION_KEY) != _name_of(user):
        return False
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    way: Any = load_backend(str(backend))
    if type(way).get_user is not ModelBackend.get_user or not way.user_can_authenticate(user):
        return False
    if not hasattr(user, "get_session_auth_hash"):
        return True
    known = session.get(HASH_SESSION_KEY)
    return bool(known) and constant_time_compare(known, hash_of(user))


def _living(sessions: Any, keys: Collection[Any], *, expire_date: Any) -> Any:
    rows = sessions.filter(pk__in=keys, expire_date__gt=expire_date)
    return rows.values_list("pk", "session_data")


@cache
def _store(engine: str) -> Any:
    return import_module(engine).SessionStore


def _name_of(user: users.Person) -> str:
    """How a session writes a user's key."""
    return str(user._meta.pk.value_to_string(user))


def _admits(backend: Any, user: users.User) -> bool:
    if type(backend).get_user is ModelBackend.get_user:  # which would read the user once more
        return bool(backend.user_can_authenticate(user))
    return backend.get_user(user.pk) is not None


def _is_in_database() -> bool:
    """Whether the engine reads its sessions as Django's does that has them in the database."""
    names = ("load", "_get_session_from_db", "_get_session")
    return all(getattr(store(), name, None) is getattr(db.SessionStore, name) for name in names)


def _loaded(store: Any, key: str) -> Mapping[str, Any]:
    try:
        held: Mapping[str, Any] = store(key).load()
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("A session cannot be read")
        return {}
    return held
