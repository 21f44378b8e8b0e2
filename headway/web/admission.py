"""What streams that are let in together will each ask the database for, found for all at once; also
for one that comes alone, since these statements are built once (headway/lifecycle/lookups.py). Only
what lets in is taken from it: whatever it does not have is asked for by each, as ever, and refused
where that is refused. So the answers are the same."""

import logging
import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from headway import users
from headway.conf import conf
from headway.lifecycle import lookups
from headway.models import Job
from headway.policy import policy, shows_own
from headway.stream.admission import has_body
from headway.stream.asgi import Receive, Send
from headway.stream.http import EventStreamHandler, StreamResponse
from headway.web import bodies, downloads, sessions, tokens
from headway.web.streams import keep_connections

logger = logging.getLogger(__name__)
KNOWN = ("django.", "headway.", "whitenoise.", "corsheaders.")
"""Whose middleware is known not to change sessions or users behind Django's back."""
MAX_JOBS_TOGETHER = lookups.SIZES[-1]
"""Jobs that one query looks up at most: SQLite bounds the values it takes."""
JOB = re.compile(r"/([0-9a-f-]{36})/events/\Z")
KEY = re.compile(r"[0-9A-Za-z_-]{8,40}")


class Found:
    """What was found for one group of requests."""

    def __init__(
        self,
        held: Mapping[str, dict[str, Any]] | None = None,
        people: Mapping[Any, users.Person] | None = None,
        known: tokens.Known | None = None,
        owners: Mapping[uuid.UUID, Any] | None = None,
    ) -> None:
        self._held = dict(held or {})
        self._people, self._owners = people or {}, owners or {}
        self.tokens = known or tokens.Known()
        self._hash_of = cache(lambda user: user.get_session_auth_hash())

    def fill(self, session: object) -> None:
        """Spares a session the query for what it holds. Each is given to one request alone."""
        if type(session) is sessions.store():
            found: Any = session
            if (held := self._held.pop(found.session_key, None)) is not None:
                found.load = sessions.once(found, held)

    def user_of(self, session: SessionBase) -> users.Person | None:
        """The user whom a session lets in beyond doubt, as an object of its own, since another
        request may be the same person's. To others Django's own look is due."""
        if not self._people or (name := session.get(SESSION_KEY)) is None:
            return None
        user = self._people.get(_key(name))
        if user is None or not sessions.lets_in(session, user, self._hash_of):
            return None
        model: Any = type(user)
        twin: users.Person = model.__new__(model)  # copy.copy takes three times as long
        twin.__dict__.update(user.__getstate__())
        return twin

    def own(self, user: users.Person, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, Any] | None:
        """The owner of each of these jobs, where all are the person's; else None."""
        key = user.pk
        if any(self._owners.get(job) != key for job in wanted) or not shows_own(user):
            return None
        return dict.fromkeys(wanted, key)


class StreamRequest(ASGIRequest):
    """A request whose session and user may have been found before: they are used when they are
    asked for, and not before that."""

    found = Found()

    @property
    def session(self) -> SessionBase:
        """As SessionMiddleware has set it."""
        try:
            return cast(SessionBase, self.__dict__["session"])
        except KeyError:
            raise AttributeError("session") from None

    @session.setter
    def session(self, session: SessionBase) -> None:
        self.found.fill(session)
        self.__dict__["session"] = session

    def take_apart(self) -> None:
        """Once it has been answered: Django's middleware has tied it into cycles, and 44 objects of
        each would wait for the garbage collector, and set it to work."""
        for name in ("user", "auser", "_messages"):
            self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        # Where django.contrib.auth.middleware.get_user looks first.
        if name == "_cached_user" and (user := self.found.user_of(self.session)) is not None:
            self._cached_user = user
            return user
        raise AttributeError(name)


class Handler(EventStreamHandler):
    """Lets streams in together where all middleware is known to allow that, and no body that is too
    large."""

    def __init__(self) -> None:
        super().__init__()
        self._knows_all = all(
            name.startswith(KNOWN) or name in conf.GROUPED_MIDDLEWARE
            for name in settings.MIDDLEWARE
        )
        if self._knows_all:
            self.stream_request_class = StreamRequest

    async def handle(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serves a request; not a stream, unless it has a body."""
        if has_body(scope):
            receive = bodies.Guard(scope, receive, send)
        await super().handle(scope, receive, send)

    async def send_response(self, response: HttpResponseBase, send: Any) -> None:
        """Sends a response; files by the server itself where it can, else at the reader's pace."""
        if isinstance(response, downloads.FileDownload) and response.path is not None:
            await downloads.send_path(response, send)
        elif isinstance(response, StreamingHttpResponse) and not isinstance(
            response, StreamResponse
        ):
            await super().send_response(response, downloads.Paced(send))
        else:
            await super().send_response(response, send)

    async def read_body(self, receive: Receive) -> Any:
        """The body as a file, which is not copied where the server has one."""
        file = receive.kept_by_server() if isinstance(receive, bodies.Guard) else None
        if file is None:
            return await super().read_body(receive)
        await receive()
        return file

    @contextmanager
    def together(self, requests: Sequence[HttpRequest]) -> Iterator[None]:
        """Finds what they will ask for, and notes afterwards which tokens were used."""
        if not self._knows_all:
            yield
            return
        found = _find(requests)
        for request in requests:
            cast(StreamRequest, request).found = found
        yield
        found.tokens.note_uses()


def owners(request: HttpRequest, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """The owner of each of these jobs that the person may see."""
    if not wanted:
        return {}
    found = getattr(request, "found", None)
    if found is not None and (known := found.own(request.user, wanted)) is not None:
        return cast("dict[uuid.UUID, Any]", known)
    visible = policy.visible(Job.objects.filter(pk__in=wanted), request.user)
    return dict(visible.values_list("pk", "owner_id"))


def _find(requests: Sequence[HttpRequest]) -> Found:
    """In one query each. Nothing where that fails: each request will see for itself."""
    close_old_connections()
    try:
        cookies = [request.COOKIES.get(settings.SESSION_COOKIE_NAME, "") for request in requests]
        held = sessions.read_together({key for key in cookies if KEY.fullmatch(key)})
        names = {each[SESSION_KEY] for each in held.values() if SESSION_KEY in each}
        keys = {key for name in names if (key := _key(name)) is not None}
        people = lookups.people(users.manager(), keys)
        known = tokens.Known.of(filter(None, map(tokens.bearer, requests)))
        jobs = [*{job for request in requests for job in _jobs(request)}][:MAX_JOBS_TOGETHER]
        owned = lookups.values(_owned, Job._base_manager, jobs)
        found = Found(held, people, known, dict(owned))
    except Exception as error:  # noqa: BLE001 - a database of any kind, a project's own fields
        logger.warning("Streams are let in one by one: %s", error)
        return Found()
    keep_connections()
    return found


def _owned(rows: Any, keys: Collection[Any]) -> Any:
    return rows.filter(pk__in=keys).values_list("pk", "owner_id")


def _jobs(request: HttpRequest) -> list[uuid.UUID]:
    """Those that a request for a stream names."""
    try:
        if (match := JOB.search(request.path)) is not None:
            return [uuid.UUID(match[1])]
        named = request.GET.getlist("job") if "job=" in request.META["QUERY_STRING"] else []
        return [uuid.UUID(name) for name in named]
    except (ValueError, SuspiciousOperation):
        return []


def _key(name: object) -> Any:
    """The primary key of the user whom a session names; None where that can be none."""
    try:
        return users.key(str(name))
    except (ValueError, ValidationError):
        return None
