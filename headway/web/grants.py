"""Why a user may read a stream, and whether that still holds while it is open."""

import logging
from collections.abc import Collection, Hashable, Mapping
from importlib import import_module
from math import inf
from typing import Any, NamedTuple, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.backends import ModelBackend
from django.contrib.sessions.backends import db, signed_cookies
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from headway import users
from headway.conf import conf
from headway.models import ApiToken, Job, Scope
from headway.policy import policy

logger = logging.getLogger(__name__)
AT_ONCE = 500
"""Grants that one query looks up at most: SQLite bounds the values it takes."""


class Grant(NamedTuple):
    """Who reads (`user`, a primary key), by what (a `session`'s key, or the number of an API
    `token`), which jobs of `others` are among what is read: those it must still be allowed to
    see, and whether its token's `scope` lets it do more than read."""

    user: Any
    session: str = ""
    token: int = 0
    others: frozenset[UUID] = frozenset()
    scope: Scope = Scope.ALL


def of(request: HttpRequest, others: Collection[UUID] = ()) -> Grant:
    """The grounds on which a signed-in request is answered."""
    token: ApiToken | None = getattr(request, "api_token", None)
    if token is not None:
        return Grant(request.user.pk, "", token.pk, frozenset(others), Scope(token.scope))
    return Grant(request.user.pk, request.session.session_key or "", 0, frozenset(others))


def good_for(grant: Grant) -> float:
    """Seconds after which a grant must be shown again. Sessions that are kept in the cookie alone
    end where nobody here can see it, so their browser has to come back with it."""
    in_cookie = bool(grant.session) and issubclass(_store(), signed_cookies.SessionStore)
    return conf.STREAM_RECHECK if in_cookie else inf


async def revoked(grants: Collection[Hashable]) -> Collection[Hashable]:
    """Those of some grants that hold no more: the session has ended or expired, the password was
    changed, the token revoked or expired, the user may not sign in any more, or not see what is
    read. One that cannot be checked does not hold. Raises OperationalError or InterfaceError when
    the database is away."""
    left = cast("list[Grant]", list(grants))
    gone: set[Hashable] = set()
    while left:
        gone |= await sync_to_async(_revoked)(left[:AT_ONCE])
        del left[:AT_ONCE]
    return gone


def _revoked(grants: Collection[Grant]) -> set[Grant]:
    try:
        people = users.manager().in_bulk({grant.user for grant in grants})
        tokens = ApiToken.objects.living().filter(pk__in={g.token for g in grants})
        owners = dict(tokens.values_list("pk", "owner_id"))
        sessions = _sessions({grant.session for grant in grants if grant.session})
        return {
            grant
            for grant in grants
            if not _holds(
                grant,
                people.get(grant.user),
                owners.get(grant.token),
                sessions.get(grant.session, {}),
            )
        }
    finally:
        close_old_connections()


def _holds(grant: Grant, user: users.User | None, owner: Any, session: Mapping[str, Any]) -> bool:
    """Whether one grant holds, given what was found of its user, its token's owner and its
    session."""
    try:
        if user is None:
            return False
        if grant.token:
            signed_in = users.is_active(user) and owner == user.pk
        else:
            signed_in = _is_of(session, user)
        return signed_in and _sees(user, grant.others)
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("Whether user %s may still read cannot be told", grant.user)
        return False


def _sees(user: users.User, jobs: Collection[UUID]) -> bool:
    """Whether a user may see all of these jobs that still exist."""
    if not jobs:
        return True
    wanted = Job.objects.filter(pk__in=jobs)
    seen = set(policy.visible(wanted, user).values_list("pk", flat=True))
    return seen.issuperset(wanted.values_list("pk", flat=True))


def _is_of(session: Mapping[str, Any], user: users.Person) -> bool:
    """Whether a session is signed in as a user, with the password of now, by a way of signing in
    that admits this user. As `django.contrib.auth.get_user`, which would ask for each alone."""
    backend = session.get(BACKEND_SESSION_KEY)
    if session.get(SESSION_KEY) != _name_of(user):
        return False
    if backend not in settings.AUTHENTICATION_BACKENDS:
        return False
    if not _admits(load_backend(str(backend)), user):
        return False
    if not hasattr(user, "get_session_auth_hash"):
        return True
    known = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(known, valid) for valid in hashes)


def _name_of(user: users.Person) -> str:
    """How a session writes a user's key."""
    return str(user._meta.pk.value_to_string(user))


def _admits(backend: Any, user: users.User) -> bool:
    if type(backend).get_user is ModelBackend.get_user:  # which would read the user once more
        return bool(backend.user_can_authenticate(user))
    return backend.get_user(user.pk) is not None


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _sessions(keys: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """What these sessions hold, by key; those that have ended hold nothing."""
    store = _store()
    if store.load is not db.SessionStore.load:
        return {key: _loaded(store, key) for key in keys}
    # 500 sessions in SQLite cost 30 ms of CPU, and 380 ms one by one.
    rows = store.get_model_class().objects.filter(pk__in=keys, expire_date__gt=timezone.now())
    return {row.pk: row.get_decoded() for row in rows}


def _loaded(store: Any, key: str) -> Mapping[str, Any]:
    try:
        held: Mapping[str, Any] = store(key).load()
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        logger.exception("A session cannot be read")
        return {}
    return held
