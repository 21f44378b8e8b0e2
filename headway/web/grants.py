"""Why a user may read a stream, and whether that still holds while it is open."""

import logging
from collections.abc import Collection, Hashable, Mapping
from math import inf
from sys import intern
from typing import Any, NamedTuple, cast
from uuid import UUID

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import signed_cookies
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest
from django.urls import reverse

from headway import users
from headway.conf import conf
from headway.models import ApiToken, Job, Scope
from headway.policy import policy
from headway.web import sessions, sharing

logger = logging.getLogger(__name__)
NONE: frozenset[UUID] = frozenset()  # one for all: each empty set of its own takes 216 bytes
AT_ONCE = 500
"""Grants that one query looks up at most: SQLite bounds the values it takes."""


class Grant(NamedTuple):
    """Who reads (`user`, a primary key), by what (a `session`'s key, or the number of an API
    `token`), which jobs of `others` are among what is read: those it must still be allowed to
    see, and whether its token's `scope` lets it do more than read."""

    user: Any
    session: str = ""
    token: int = 0
    others: frozenset[UUID] = NONE
    scope: Scope = Scope.ALL

    @property
    def holder(self) -> str:
        """On whose account its streams are counted."""
        return intern(str(self.user))  # one for all of them


class LinkGrant(NamedTuple):
    """By which shared link somebody reads who need not be signed in."""

    link: UUID

    @property
    def holder(self) -> str:
        """All readers of a link count together."""
        return f"link:{self.link}"

    @property
    def path(self) -> str:
        """For the access log: whoever reads the address of a link may use it."""
        return reverse("headway:shared_events", args=["***"])


def of(request: HttpRequest, others: Collection[UUID] = ()) -> Grant:
    """The grounds on which a signed-in request is answered."""
    token: ApiToken | None = getattr(request, "api_token", None)
    foreign = frozenset(others) or NONE
    if token is not None:
        return Grant(request.user.pk, "", token.pk, foreign, Scope(token.scope))
    return Grant(request.user.pk, request.session.session_key or "", 0, foreign)


def good_for(grant: Grant | LinkGrant) -> float:
    """Seconds after which a grant must be shown again. Sessions that are kept in the cookie alone
    end where nobody here can see it, so their browser has to come back with it."""
    if isinstance(grant, LinkGrant):
        return inf
    in_cookie = bool(grant.session) and issubclass(sessions.store(), signed_cookies.SessionStore)
    return conf.STREAM_RECHECK if in_cookie else inf


async def revoked(grants: Collection[Hashable]) -> Collection[Hashable]:
    """Those of some grants that hold no more: the session has ended or expired, the password was
    changed, the token or the link revoked or expired, the user may not sign in any more, or not see
    what is read. One that cannot be checked does not hold. Raises OperationalError or
    InterfaceError when the database is away."""
    left = cast("list[Grant | LinkGrant]", list(grants))
    gone: set[Hashable] = set()
    while left:
        some = left[:AT_ONCE]
        links = [grant for grant in some if isinstance(grant, LinkGrant)]
        people = [grant for grant in some if isinstance(grant, Grant)]
        gone |= await sync_to_async(dead)(links) if links else set()
        gone |= await sync_to_async(_revoked)(people) if people else set()
        del left[:AT_ONCE]
    return gone


def dead(grants: Collection[LinkGrant]) -> set[LinkGrant]:
    """Those whose links hold no more. Raises as `revoked`."""
    try:
        held = {link.pk for link in sharing.holding(grant.link for grant in grants)}
        return {grant for grant in grants if grant.link not in held}
    finally:
        close_old_connections()


def _revoked(grants: Collection[Grant]) -> set[Grant]:
    try:
        people = users.manager().in_bulk({grant.user for grant in grants})
        tokens = ApiToken.objects.living().filter(pk__in={g.token for g in grants})
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
