"""What a later release has written or sent is left alone and costs nobody anything: readers of this
release get a snapshot in its place."""

import json

import pytest

from headway.stream import Event, Hub, Log, Subscription, keys
from headway.stream.epoch import Epoch
from headway.stream.event import VERSION
from headway.stream.following import Following, RefusedError
from tests.stream.conftest import progress, state
from tests.stream.streams import collect, live, say
from tests.support.stack import Valkey

UNREADABLE = b"\x02 something compressed, say"


def say_later(valkey: Valkey, job: str) -> None:
    """Appends and publishes an entry as a later release may, with the snapshot kept."""
    with valkey.client() as client:
        prev = int(client.hget(keys.snapshot(job), "n") or 0)
        number = prev + 1000
        fields = {"p": prev, "f": UNREADABLE, "v": 2}
        client.xadd(keys.log(job), fields, f"{number}-0")
        known = {"job": job, "attempt": 1, "percent": 60, "colour": "green"}
        client.hset(
            keys.snapshot(job),
            mapping={"n": number, "progress": json.dumps(known), "mood": "good"},
        )
        client.set(keys.LAST, number)
        head = f"{prev} {number} progress v2\n".encode()
        client.publish(keys.live(job), head + UNREADABLE)


async def test_a_live_reader_gets_a_snapshot_in_place_of_what_it_cannot_read(
    hub: Hub, log: Log, valkey: Valkey, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    log.append(job, progress(job, 40), attempt=1)
    stream = await live(hub, Subscription([job]))
    say_later(valkey, job)
    *_, told, snapshot = await collect(stream, '"percent":60')
    assert (told.event, json.loads(told.data)["reason"]) == ("resync", "lost")
    assert snapshot.event == "snapshot"
    assert json.loads(snapshot.data)["colour"] == "green"


async def test_what_this_release_writes_after_it_is_read_as_ever(
    hub: Hub, log: Log, valkey: Valkey, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    cursor = say(log, job, "before")
    say_later(valkey, job)
    after = say(log, job, "after")
    got = await collect(hub.stream(Subscription([job], cursor=cursor)), '"reason"')
    stream = await live(hub, Subscription([job], cursor=after))
    say(log, job, "and on")
    assert [message.event for message in await collect(stream, "and on")] == ["log"]
    assert all(UNREADABLE.decode() not in message.data for message in got)


def test_what_an_attempt_has_told_is_told_without_it(log: Log, valkey: Valkey, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    line = {"job": job, "attempt": 1, "n": 1, "t": 1, "text": "before"}
    log.append(job, Event("log", line), attempt=1)
    say_later(valkey, job)
    told = log.told(job, 1)
    assert [each["text"] for each in told.lines] == ["before"]


def test_a_client_stops_at_a_version_that_it_does_not_know() -> None:
    headers = {"content-type": "text/event-stream"}
    Following().open(200, headers)
    Following().open(200, headers | {"progress-version": str(VERSION)})
    with pytest.raises(
        RefusedError, match="speaks version 2 of the stream, this client 1: install"
    ):
        Following().open(200, headers | {"progress-version": "2"})


def test_a_note_of_the_server_with_more_words_is_understood() -> None:
    assert Epoch.from_note(b"abc 12 more words") == Epoch("abc", 12)
