"""Why a user may read a stream, and whether that still holds while it is open."""

import logging
from collections.abc import Collection, Hashable, Mapping
from math import inf
from typing import Any, NamedTuple, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import signed_cookies
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest

from headway import users
from headway.conf import conf
from headway.models import ApiToken, Job
from headway.policy import policy
from headway.web import sessions

logger = logging.getLogger(__name__)
AT_ONCE = 500
"""Grants that one query looks up at most: SQLite bounds the values it takes."""


class Grant(NamedTuple):
    """Who reads (`user`, a primary key), by what (a `session`'s key, or the number of an API
    `token`), and which jobs of `others` are among what is read: those it must still be allowed to
    see."""

    user: Any
    session: str = ""
    token: int = 0
    others: frozenset[UUID] = frozenset()


def of(request: HttpRequest, others: Collection[UUID] = ()) -> Grant:
    """The grounds on which a signed-in request is answered."""
    token: int = getattr(request, "api_token", 0)
    session = "" if token else request.session.session_key or ""
    return Grant(request.user.pk, session, token, frozenset(others))


def good_for(grant: Grant) -> float:
    """Seconds after which a grant must be shown again. Sessions that are kept in the cookie alone
    end where nobody here can see it, so their browser has to come back with it."""
    in_cookie = bool(grant.session) and issubclass(sessions.store(), signed_cookies.SessionStore)
    return conf.STREAM_RECHECK if in_cookie else inf


async def revoked(grants: Collection[Hashable]) -> Collection[Hashable]:
    """Those of some grants that hold no more: the session has ended or expired, the password was
    changed, the token revoked, the user may not sign in any more, or not see what is read. One
    that cannot be checked does not hold. Raises OperationalError or InterfaceError when the
    database is away."""
    left = cast("list[Grant]", list(grants))
    gone: set[Hashable] = set()
    while left:
        gone |= await sync_to_async(_revoked)(left[:AT_ONCE])
        del left[:AT_ONCE]
    return gone


def _revoked(grants: Collection[Grant]) -> set[Grant]:
    try:
        people = users.manager().in_bulk({grant.user for grant in grants})
        tokens = ApiToken.objects.filter(pk__in={g.token for g in grants}, revoked_at=None)
        owners = dict(tokens.values_list("pk", "owner_id"))
        held = sessions.read({grant.session for grant in grants if grant.session})
        return {
            grant
            for grant in grants
            if not _holds(
                grant,
                people.get(grant.user),
                owners.get(grant.token),
                held.get(grant.session, {}),
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
            signed_in = sessions.is_of(session, user)
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
