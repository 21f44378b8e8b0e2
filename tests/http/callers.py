"""People, jobs, and everybody who may come for a stream of theirs."""

import contextvars
import uuid
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from headway.models import Job
from headway.stream.admission import Asked
from headway.web import tokens
from headway.web.admission import StreamRequest
from tests.support.users import make_user, session_of


class Caller(NamedTuple):
    """One request for a stream."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    query: str = ""

    def asked(self) -> Asked:
        """As it comes to the handler."""
        headers = {"Host": "localhost"} | self.headers
        scope = {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "query_string": self.query.encode(),
            "headers": [(n.lower().encode(), v.encode("latin1")) for n, v in headers.items()],
        }
        request = StreamRequest(scope, BytesIO())
        return Asked(request, scope, contextvars.copy_context(), bool)


def cookie(key: str) -> dict[str, str]:
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def changed(user: User, **values: Any) -> dict[str, str]:
    """The cookie of a session of which some values have been changed; None takes one away."""
    key = session_of(user)
    row = Session.objects.get(pk=key)
    store = SessionStore(key)
    held = {**row.get_decoded(), **values}
    row.session_data = store.encode({k: v for k, v in held.items() if v is not None})
    row.save()
    return cookie(key)


class World:
    """People, jobs, and all who may come for their streams."""

    def __init__(self) -> None:
        self.alice, self.bob, self.gone = (make_user(name) for name in ("alice", "bob", "gone"))
        self.locked, self.boss = make_user("locked"), make_user("boss", staff=True)
        self.idle, self.clerk = make_user("idle"), make_user("clerk")
        User.objects.filter(username__in=("idle", "clerk")).update(is_staff=True)
        self.clerk.user_permissions.add(Permission.objects.get(codename="view_job"))
        self.job, self.bobs = self._job(self.alice), self._job(self.bob)
        self.callers = dict(self._callers())
        User.objects.filter(pk=self.locked.pk).update(is_active=False)
        self.gone.delete()

    def _job(self, owner: User) -> Job:
        return Job.objects.create(kind="simulate", title="Simulate", owner=owner)

    def _callers(self) -> Iterator[tuple[str, Caller]]:
        path, mine = f"/jobs/{self.job.pk}/events/", "/jobs/events/"
        for name, headers in {**self._sessions(), **self._tokens(), **self._others()}.items():
            yield name, Caller(path, headers)
            yield f"{name}, feed", Caller(mine, headers)
        alice = session_of(self.alice)
        for query in (
            *(f"job={self.job.pk}", f"job={self.job.pk}&job={self.bobs.pk}", "job=nonsense"),
            *(f"job={self.job.pk}&mine", "heartbeat&cursor=17", f"viewer={self.bob.pk}", "job="),
            *("&".join(f"job={uuid.uuid4()}" for _ in range(n)) for n in (1, 201)),
            *("a=1&" * 1100, "job=%ff%00", f"job={self.job.pk}&cursor=x&poll=9"),
        ):
            yield f"?{query[:60]}", Caller(mine, cookie(alice), query=query)
        for method in ("HEAD", "POST", "OPTIONS", "PUT"):
            yield method, Caller(path, cookie(alice), method)
        for wrong in (uuid.uuid4(), "nonsense", f"{self.job.pk}x", str(self.job.pk).upper()):
            yield f"/{wrong}/", Caller(f"/jobs/{wrong}/events/", cookie(alice))
        yield "a path of nobody's", Caller("/nowhere/events/", cookie(alice))

    def _sessions(self) -> dict[str, dict[str, str]]:
        expired, old, deleted = (session_of(self.alice) for _ in range(3))
        Session.objects.filter(pk=expired).update(expire_date=timezone.now() - timedelta(1))
        Session.objects.filter(pk=old).update(session_data="nonsense")
        Session.objects.filter(pk=deleted).delete()
        hashes = [*self.alice.get_session_auth_fallback_hash()]
        return {
            "signed in": cookie(session_of(self.alice)),
            "signed in elsewhere, too": cookie(session_of(self.alice)),
            "a stranger to this job": cookie(session_of(self.bob)),
            "locked out": cookie(session_of(self.locked)),
            "deleted": cookie(session_of(self.gone)),
            "a superuser": cookie(session_of(self.boss)),
            "staff without the permission": cookie(session_of(self.idle)),
            "staff with the permission": cookie(session_of(self.clerk)),
            "expired": cookie(expired),
            "a session that is no more": cookie(deleted),
            "a session of nonsense": cookie(old),
            "a session of nobody": changed(self.alice, **{SESSION_KEY: None}),
            "a session of no number": changed(self.alice, **{SESSION_KEY: "x"}),
            "an old password": changed(self.alice, **{HASH_SESSION_KEY: "x"}),
            "no hash of a password": changed(self.alice, **{HASH_SESSION_KEY: None}),
            "an old secret key": changed(self.alice, **{HASH_SESSION_KEY: hashes[0]}),
            "no way of signing in": changed(self.alice, **{BACKEND_SESSION_KEY: None}),
            "a way of before": changed(self.alice, **{BACKEND_SESSION_KEY: "no.such.Backend"}),
        }

    def _tokens(self) -> dict[str, dict[str, str]]:
        (first, good), (_, second), (row, revoked), (_, locked) = (
            tokens.issue(user) for user in (self.alice, self.alice, self.bob, self.locked)
        )
        tokens.revoke(row)
        return {
            "a token": bearer(good),
            "another token": bearer(second),
            "a revoked token": bearer(revoked),
            "a token of one who is locked out": bearer(locked),
            "a wrong secret": bearer(f"pt_{first.pk}_{'0' * 48}"),
            "a token of no number": bearer("pt_x_y"),
            "a token that is none": bearer(f"pt_{10**17}_0"),
            "no token": bearer(""),
            "a token and a session": bearer(good) | cookie(session_of(self.bob)),
            "another scheme": {"Authorization": "Basic YTpi"},
        }

    def _others(self) -> dict[str, dict[str, str]]:
        return {
            "nobody": {},
            "a short cookie": cookie("x"),
            "a cookie of nonsense": cookie("\x00\xff" * 8),
            "another site": cookie(session_of(self.alice)) | {"Origin": "https://evil.example"},
            "another host": cookie(session_of(self.alice)) | {"Host": "evil.example"},
        }
