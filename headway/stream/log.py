"""The log: every event of every job, numbered, in Redis. This is the writing and page side."""

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from itertools import chain, islice
from typing import Any, NamedTuple, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoPermissionError
from redis.retry import Retry

from . import epoch, history, keys, redis_clients
from .epoch import Epoch
from .event import OWN_LEVEL, Entry, Event, NoProgress, Progress, to_json
from .script import Packed, Script, pack

SCRIPT = resources.files(__package__).joinpath("append.lua").read_text()


class Receipt(NamedTuple):
    """What the log answers a writer."""

    number: int
    """The event's number, 0 when it was refused."""
    fenced: bool
    """This attempt has ended or a newer one has written: stop."""
    cancelled: bool
    """A cancel was requested."""


class Snapshots(NamedTuple):
    """States of jobs, and the cursor from which a stream continues them without a gap."""

    cursor: int
    states: dict[str, dict[str, Any]]
    epoch: Epoch
    """Whose history was read; another one may lack what was written last."""


class Output(NamedTuple):
    """What an attempt has put out, as one text, up to the job's event with this number."""

    number: int
    attempt: int
    text: str


class Told(NamedTuple):
    """What an attempt has told: its newest progress ({}: none), its lines and warnings, and all of
    its progress that is there, oldest first."""

    progress: Progress | NoProgress
    lines: list[Entry]
    course: list[Progress]


class Log:
    """Appends to and reads the logs of jobs. All methods raise redis.RedisError when Redis cannot
    be reached within `timeout` seconds. Safe to share between threads, not across a fork."""

    def __init__(
        self, url: str, *, maxlen: int = 2000, ttl: int = 86400, timeout: float = 2.0
    ) -> None:
        """`maxlen`: events kept for each job (approximately); `ttl`: seconds that the log of
        a finished job is kept."""
        self.url = url
        self._maxlen = maxlen
        # One try again at once, over a new connection: one that died in the pool says so only when
        # used, and one to a primary that was replaced says that it is read-only, for ever.
        self._redis = redis_clients.client(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            redis_connect_func=epoch.on_connect,
            retry=Retry(
                NoBackoff(), 1, supported_errors=(redis.ConnectionError, redis.ReadOnlyError)
            ),
        )
        limits = f"local MAXLEN, TTL = {int(maxlen)}, {int(ttl * 1000)}\n"
        self._append = Script(self._redis, limits + SCRIPT)

    def append(
        self,
        job: str,
        event: Event,
        *,
        attempt: int,
        seq: int = 0,
        floor: int = 0,
        feed: str = "",
        created: bool = False,
        first: Event | None = None,
    ) -> Receipt:
        """Appends one event (append.lua). `created` marks the first of a job and announces the
        job on `feed`; `seq` (1, 2, ... within an attempt) makes a repeated write harmless; `floor`
        is a number that the writer knows to be taken, should Redis have lost it. `first` is an
        event that goes before it, in the same atomic step."""
        call = self._call(job, event, attempt, seq, floor, feed=feed, created=created)
        if first is None:
            return self._write([call])
        return self._write([self._call(job, first, attempt, 0, floor), call], atomic=True)

    def create(self, firsts: Iterable[tuple[str, Event, int, str]]) -> None:
        """Appends the first event of each of many jobs in one round trip: (job, event, attempt,
        feed), as `append` with `created`. What is there already stays as it is."""
        self._write(
            [
                self._call(job, event, attempt, feed=feed, created=True)
                for job, event, attempt, feed in firsts
            ]
        )

    def append_all(
        self, job: str, events: Iterable[tuple[int, Event]], *, attempt: int, floor: int = 0
    ) -> Receipt:
        """Appends several (seq, event) in one round trip; the receipt is that of the last. Where
        one is refused, so are all after it: they can be sent again."""
        calls, before = [], 0
        for seq, event in events:
            calls.append(self._call(job, event, attempt, seq, floor, before=before))
            before = seq
        return self._write(calls)

    def beat(self, job: str, attempt: int) -> Receipt:
        """What `append` would answer, without appending (HMGET)."""
        fields = ("attempt", "closed", "cancel", "n")
        reply: Any = self._redis.hmget(keys.snapshot(job), fields)
        newest, closed, cancel, number = (int(value or -1) for value in reply)
        fenced = attempt < newest or attempt <= closed
        return Receipt(max(number, 0), fenced, cancel == attempt)

    def read(self, jobs: Sequence[str]) -> Snapshots:
        """The snapshots of `jobs`, as of one moment. A job without a log is left out."""
        read = self.read_after([(str(job), history.NOWHERE) for job in jobs])
        states = {job: tail.state() for (job, _), tail in read.tails.items() if tail.exists}
        return Snapshots(read.last, states, read.epoch)

    def read_after(self, wanted: Sequence[tuple[str, int]]) -> history.History:
        """The logs of jobs, each after its cursor, as of one moment."""
        pipe: Any
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.response_callbacks = {}  # replies as Redis gives them
            for command in history.commands(wanted):
                pipe.execute_command(*command)
            return history.parse(wanted, pipe.execute())

    def output(self, job: str) -> Output:
        """The output of a job's newest attempt; of a very long one the last megabyte or two."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hmget(keys.snapshot(job), ("n", "attempt"))
            pipe.get(keys.output(job))
            (number, attempt), text = pipe.execute()
        # A long one may begin within a character.
        return Output(int(number or 0), int(attempt or 0), (text or b"").decode("utf-8", "ignore"))

    def lines(self, job: str, upto: int, count: int = 200) -> list[Entry]:
        """The data of a job's newest `count` log and warning events up to the number `upto`, oldest
        first."""
        said = islice(self._newest(job, upto, count, [*OWN_LEVEL]), count)
        return [data for _, data in said][::-1]

    def told(self, job: str, attempt: int) -> Told:
        """What the log has of an attempt, as far as it reaches back."""
        progress: Any = self._redis.hget(keys.snapshot(job), "progress")
        newest = json.loads(progress or "{}")
        known = self._newest(job, history.NOWHERE, self._maxlen, [*OWN_LEVEL, "progress"])
        own = [(kind, data) for kind, data in known if data["attempt"] == attempt][::-1]
        return Told(
            newest if newest.get("attempt") == attempt else {},
            [data for kind, data in own if kind in OWN_LEVEL],
            [data for kind, data in own if kind == "progress"],
        )

    def forget(self, *jobs: str) -> None:
        """Deletes the logs of jobs."""
        named = [(keys.log(job), keys.snapshot(job), keys.output(job)) for job in jobs]
        if named:
            self._redis.delete(*chain.from_iterable(named))

    def alive(self, role: str, name: str, info: dict[str, Any], ttl: float = 15.0) -> None:
        """Notes that a process lives; it counts as dead `ttl` seconds after its last note."""
        until = self._now() + ttl
        self._redis.hset(keys.alive(role), name, json.dumps(info | {"until": until}))

    def gone(self, role: str, name: str) -> None:
        """Takes the note of a process back."""
        self._redis.hdel(keys.alive(role), name)

    def who_is_alive(self, role: str) -> dict[str, dict[str, Any]]:
        """The living processes of a role: name -> info."""
        now = self._now()
        reply: Any = self._redis.hgetall(keys.alive(role))
        notes = {name.decode(): json.loads(note) for name, note in reply.items()}
        dead = [name for name, note in notes.items() if note["until"] <= now]
        if dead:
            self._redis.hdel(keys.alive(role), *dead)
        return {name: note for name, note in notes.items() if name not in dead}

    def epoch(self) -> Epoch:
        """Names the history that the log is part of."""
        reply: Any = self._redis.get(keys.EPOCH)
        return Epoch.from_note(reply)

    def server(self) -> dict[str, Any]:
        """What the server says about itself (INFO); {} where this user may not ask."""
        try:
            return self._redis.info()
        except NoPermissionError:
            return {}

    def close(self) -> None:
        """Closes the connections."""
        self._append.close()
        self._redis.close()

    def _newest(
        self, job: str, upto: int, count: int, kinds: Sequence[str]
    ) -> Iterator[tuple[str, Any]]:
        """Kind and data of the events of some kinds up to a number, newest first; read in pages of
        as many as are wanted."""
        before = f"{upto}-0"
        while reply := self._redis.xrevrange(keys.log(job), max=before, count=min(count, 500)):
            for entry_id, fields in cast("list[Any]", reply):
                before = f"({entry_id.decode()}"
                if len(fields) > history.FIELDS:
                    continue  # of a later version
                _, kind, data = fields[b"f"].rstrip(b"\n").decode().split("\n")
                if (kind := kind.removeprefix("event: ")) in kinds:
                    own = {"level": OWN_LEVEL[kind]} if kind in OWN_LEVEL else {}
                    yield kind, own | json.loads(data.removeprefix("data: "))

    def _now(self) -> float:
        reply: Any = self._redis.time()
        seconds, micros = reply
        return float(seconds + micros / 1e6)

    def _call(
        self,
        job: str,
        event: Event,
        attempt: int,
        seq: int = 0,
        floor: int = 0,
        *,
        feed: str = "",
        created: bool = False,
        before: int = 0,
    ) -> Packed:
        kind = "created" if created else _mark(event)
        announced = (keys.feed(feed), job) if feed else ()
        constant, head = _head(job, attempt)
        count, rest = pack(kind, to_json(event.data), seq, floor, before, *announced)
        return constant + count, head + rest

    def _write(self, calls: Sequence[Packed], *, atomic: bool = False) -> Receipt:
        number, fenced, cancelled = self._append(calls, atomic=atomic)[-1]
        return Receipt(int(number), bool(fenced), bool(cancelled))


@lru_cache(maxsize=256)
def _head(job: str, attempt: int) -> Packed:
    """What an attempt's calls of append.lua begin with: KEYS, and the arguments that stay."""
    names = (keys.log(job), keys.snapshot(job), keys.LAST, keys.output(job), keys.EPOCH)
    return pack(len(names), *names, keys.live(job), attempt)


def _mark(event: Event) -> str:
    """Its kind, or what append.lua is to know of a state besides."""
    if event.kind != "state":
        return event.kind
    if event.final:
        return "final"
    status = event.data.get("status")
    return {"cancelling": "cancelling", "queued": "closing"}.get(str(status), event.kind)
