"""What a client may request over a WebSocket: to follow jobs, to cancel one, to get a pong."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from headway import users
from headway.lifecycle import actions, audit
from headway.lifecycle.audit import Origin
from headway.lifecycle.log import feed
from headway.models import Job, Scope
from headway.policy import policy
from headway.stream import Subscription
from headway.stream.asking import Cursor
from headway.stream.event import clean
from headway.stream.turns import Turns
from headway.stream.websocket import SIGN_IN, Socket
from headway.stream.ws import SocketResponse
from headway.web import grants, streams
from headway.web.grants import Grant

CHECKED = ("subscribe", "cancel")
"""What needs a grant that holds at that moment; streams that are open are checked by the hub."""
MAX_SUBSCRIBED = 1000
"""Jobs that one stream names at most."""
MAX_NAMED = 100
"""Jobs that one refusal names at most."""
MAX_NAME_LENGTH = 100
"""Characters of a stream's name at most."""
turns = Turns()
"""A user who asks on many connections waits for themselves; others do not wait for them."""
NO_SUCH_JOB = "There is no such job, or it belongs to another user."
TOO_NARROW = "This token's scope does not allow this: it takes one of scope all."


class Refusal(Exception):  # noqa: N818 - an answer
    """Why nothing is done, as a sentence, and of which jobs."""

    def __init__(self, message: str, jobs: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.jobs = jobs


def respond(grant: Grant, origin: Origin) -> SocketResponse:
    """Lets a WebSocket in for whom `grant` names. The caller has checked who asks."""
    own = _reader("", grant, [], heartbeat=True)

    async def answer(socket: Socket, asked: Mapping[str, Any] | None) -> None:
        # Only where it matters: three queries, in the thread that all streams wait for.
        if (asked or {}).get("type") in CHECKED and await _is_revoked(grant):
            socket.close(SIGN_IN)
        else:
            with audit.coming_from(origin):
                await _answer(socket, grant, asked or {})

    return SocketResponse(streams.hub, own, answer)


async def _is_revoked(grant: Grant) -> bool:
    async with turns.of(grant.user):
        return bool(await grants.revoked([grant]))


async def _answer(socket: Socket, grant: Grant, asked: Mapping[str, Any]) -> None:
    wanted, stream = asked.get("type"), asked.get("stream", "")
    handler = HANDLERS.get(wanted) if isinstance(wanted, str) else None
    try:
        if handler is None:
            raise Refusal(f"Send a JSON object whose type is one of: {', '.join(HANDLERS)}.")
        if not isinstance(stream, str) or len(stream) > MAX_NAME_LENGTH:
            raise Refusal(f"stream: a text of {MAX_NAME_LENGTH} characters at most.")
        await handler(socket, grant, stream, asked)
    except Refusal as refusal:
        await _refuse(socket, str(wanted) if handler else None, refusal)


async def _refuse(socket: Socket, wanted: str | None, refusal: Refusal) -> None:
    message, more = str(refusal), len(refusal.jobs[MAX_NAMED:])
    message += f" {more:,} more are not named here." if more else ""
    data = {"type": wanted, "message": message, "jobs": list(refusal.jobs[:MAX_NAMED])}
    await socket.say("refused", data)


async def _subscribe(socket: Socket, grant: Grant, stream: str, asked: Mapping[str, Any]) -> None:
    names, cursor = asked.get("jobs"), asked.get("cursor", "")
    if not isinstance(cursor, str | int):
        raise Refusal("cursor: the id of an event, as text or number.")
    if names is None:
        reader = _reader(cursor, grant, [], feed=feed(grant.user))
    else:
        reader = await _named(socket, grant, names, cursor)
    await socket.say("subscribed", {}, stream)
    socket.open(stream, reader)


async def _named(socket: Socket, grant: Grant, names: Any, cursor: str | int) -> Subscription:
    """A stream of those named jobs that there are for this person; of the others it is told."""
    if not isinstance(names, list) or not names or len(names) > MAX_SUBSCRIBED:
        raise Refusal(f"jobs: a list of 1 to {MAX_SUBSCRIBED} ids; without it, all your jobs.")
    wanted = {_shown(name): _uuid(name) for name in names}
    known = {pk for pk in wanted.values() if pk is not None}
    async with turns.of(grant.user):
        owners = await sync_to_async(_owners)(grant.user, known)
    unknown = [name for name, pk in wanted.items() if pk not in owners]
    refusal = Refusal(NO_SUCH_JOB, unknown)
    if not owners:
        raise refusal
    if unknown:
        await _refuse(socket, "subscribe", refusal)
    others = frozenset(pk for pk, owner in owners.items() if owner != grant.user)
    found = [str(pk) for pk in owners]
    # Of one job, as over HTTP: there is no end of many.
    return _reader(cursor, grant._replace(others=others), found, ends=len(names) == 1)


async def _unsubscribe(socket: Socket, grant: Grant, stream: str, asked: Mapping[str, Any]) -> None:
    del grant, asked
    if not socket.end(stream):
        raise Refusal("There is no stream of this name.")
    await socket.say("unsubscribed", {}, stream)


async def _cancel(socket: Socket, grant: Grant, stream: str, asked: Mapping[str, Any]) -> None:
    del stream
    name = asked.get("job")
    if not grant.scope.covers(Scope.ALL):
        raise Refusal(TOO_NARROW, [_shown(name)])
    # In a thread of its own: it may wait for Redis, and the one of streams is for all.
    job = await sync_to_async(_cancelled, thread_sensitive=False)(grant.user, name)
    await socket.say("accepted", {"type": "cancel", "job": str(job.pk), "status": job.status})


async def _ping(socket: Socket, grant: Grant, stream: str, asked: Mapping[str, Any]) -> None:
    del grant, stream, asked
    await socket.say("pong", {})


Handler = Callable[[Socket, Grant, str, Mapping[str, Any]], Awaitable[None]]
HANDLERS: Mapping[str, Handler] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "cancel": _cancel,
    "ping": _ping,
}


def _reader(cursor: str | int, grant: Grant, jobs: Sequence[str], **options: Any) -> Subscription:
    number, reason = Cursor.from_text(str(cursor))
    return Subscription(
        jobs,
        cursor=number,
        reason=reason,
        holder=str(grant.user),
        grant=grant,
        lasts=grants.good_for(grant),
        **options,
    )


def _owners(user: Any, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """The owner of each of these jobs that the person may see."""
    try:
        visible = policy.visible(Job.objects.filter(pk__in=wanted), users.manager().get(pk=user))
        return dict(visible.values_list("pk", "owner_id"))
    finally:
        close_old_connections()


def _cancelled(user: Any, name: object) -> Job:
    try:
        person, pk = users.manager().get(pk=user), _uuid(name)
        job = policy.visible(Job.objects.filter(pk=pk), person).first() if pk else None
        if job is None:
            raise Refusal(NO_SUCH_JOB, [_shown(name)])
        return actions.cancel(job, by=person)
    except actions.ActionError as error:
        raise Refusal(str(error), [_shown(name)]) from error
    finally:
        close_old_connections()


def _uuid(name: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(name) if isinstance(name, str) else None
    except ValueError:
        return None


def _shown(name: object) -> str:
    """What a client has sent in place of an id, as it is told."""
    return clean(name, 100)
