"""On what grounds somebody reads a stream, and whether these still hold while it goes on."""

from collections.abc import Collection, Hashable, Mapping
from typing import Any, NamedTuple, cast

from asgiref.sync import sync_to_async
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from headway.models import ApiToken

AT_ONCE = 500
"""Grants that one query looks up at most: SQLite bounds the values it takes."""


class Grant(NamedTuple):
    """Who reads (`user`, a primary key), by what (a `session`'s key, or the number of an API
    `token`), and whether that takes a member of `staff`: others' jobs are among what is read."""

    user: int
    session: str = ""
    token: int = 0
    staff: bool = False


def of(request: HttpRequest, *, staff: bool) -> Grant:
    """The grounds on which a signed-in request is answered."""
    token: int = getattr(request, "api_token", 0)
    session = "" if token else request.session.session_key or ""
    return Grant(request.user.pk or 0, session, token, staff)


async def revoked(grants: Collection[Hashable]) -> Collection[Hashable]:
    """Those of some grants that hold no more: the session has ended or expired, the password was
    changed, the token revoked, or the person may not sign in or is not staff any longer."""
    left = cast("list[Grant]", list(grants))
    gone: set[Hashable] = set()
    while left:
        gone |= await sync_to_async(_revoked)(left[:AT_ONCE])
        del left[:AT_ONCE]
    return gone


def _revoked(grants: Collection[Grant]) -> set[Grant]:
    try:
        users = User.objects.filter(is_active=True).in_bulk({grant.user for grant in grants})
        tokens = ApiToken.objects.filter(pk__in={g.token for g in grants}, revoked_at=None)
        living = {token.pk: token.owner_id for token in tokens}
        keys = {grant.session for grant in grants}
        sessions = Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now())
        data = {session.pk: session.get_decoded() for session in sessions}
        return {
            grant
            for grant in grants
            if not (
                (user := users.get(grant.user))
                and (user.is_staff or not grant.staff)
                and (living.get(grant.token) == user.pk or _is_of(data.get(grant.session), user))
            )
        }
    finally:
        close_old_connections()


def _is_of(session: Mapping[str, Any] | None, user: User) -> bool:
    """Whether a session is signed in as a user, with the password of now."""
    if not session or session.get(SESSION_KEY) != str(user.pk):
        return False
    known = session.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(known, valid) for valid in hashes)
