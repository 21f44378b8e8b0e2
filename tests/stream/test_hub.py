"""The hub on a real Valkey: what viewers of jobs get, from the first block to the last."""

import json
import random

from headway.stream import Event, Hub, Log, Subscription, keys
from headway.stream.sse import Decoder
from tests.stream.conftest import progress, state
from tests.stream.streams import (
    Database,
    collect,
    live,
    say,
    texts,
)
from tests.support.stack import Valkey


async def test_a_stream_begins_with_a_snapshot_and_goes_on_live(
    hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1)
    log.append(job, progress(job, 40), attempt=1)
    stream = hub.stream(Subscription([job]))
    first = await anext(stream)
    assert first.startswith(b"retry: ")
    assert first.endswith(b"\nid: 0\n\n")
    decoder = Decoder("0")
    snapshot, begun = decoder.feed(await anext(stream))
    assert (snapshot.event, json.loads(snapshot.data)["percent"]) == ("snapshot", 40)
    assert (begun.event, json.loads(begun.data)["percent"]) == ("progress", 40)
    number = log.append(job, progress(job, 41), attempt=1).number
    [message] = decoder.feed(await anext(stream))
    assert (message.event, message.id) == ("progress", str(number))
    await stream.aclose()


async def test_who_listens_to_progress_alone_sees_the_first_value_and_the_last(
    hub: Hub, log: Log, job: str
) -> None:
    """Of each of several jobs; cut off before the last of them, a reader begins again."""
    jobs = [f"{job}-{number}" for number in range(3)]
    for percent, name in enumerate(jobs):
        log.append(name, state(name, "running"), attempt=1, created=True)
        log.append(name, progress(name, percent), attempt=1)
    stream = hub.stream(Subscription(jobs))
    got = [*Decoder().feed(await anext(stream) + await anext(stream))]
    told = [json.loads(message.data) for message in got if message.event == "progress"]
    assert [(data["job"], data["percent"]) for data in told] == [*zip(jobs, range(3), strict=True)]
    assert {message.id for message in got[:-1]} == {"0"}
    assert got[-1].id > "0"
    done = state(jobs[0], "succeeded", final=True)
    log.append(jobs[0], done, attempt=1, first=progress(jobs[0], 100))
    full, end = await collect(stream, "succeeded")
    assert (full.event, json.loads(full.data)["percent"]) == ("progress", 100)
    assert (end.event, end.id > full.id > got[-1].id) == ("state", True)


async def test_a_resume_gives_exactly_what_was_missed(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    numbers = [say(log, job, text) for text in range(10)]
    got = await collect(hub.stream(Subscription([job], cursor=numbers[3])), '"9"')
    assert [int(message.id) for message in got] == numbers[4:]


async def test_what_was_missed_does_not_wait_until_the_channel_is_confirmed(
    hub: Hub, log: Log, job: str
) -> None:
    """And what comes before it is confirmed is not lost."""
    other = f"{job}-other"
    for name in (job, other):
        log.append(name, state(name, "queued", 0), attempt=0, created=True)
    first = await live(hub, Subscription([other]))
    numbers = [say(log, job, text) for text in range(10)]
    hub._channels._listener._transport.pause_reading()
    decoder, stream = Decoder(), hub.stream(Subscription([job], cursor=numbers[3]))
    got: list[int] = []
    while len(got) < 6:
        got += [int(message.id) for message in decoder.feed(await anext(stream))]
    assert got == numbers[4:]
    assert hub._channels.unconfirmed
    later = [say(log, job, text) for text in ("unheard", "unheard, too")]
    hub._channels._listener._transport.resume_reading()
    got = [int(message.id) for message in await collect(stream, "too", decoder)]
    assert got == later
    await first.aclose()


async def test_one_number_resumes_a_stream_of_many_jobs(hub: Hub, log: Log, job: str) -> None:
    jobs = [f"{job}-{number}" for number in range(5)]
    for name in jobs:
        log.append(name, state(name, "queued", 0), attempt=0, created=True)
    numbers = [say(log, random.choice(jobs), text) for text in range(50)]
    got = await collect(hub.stream(Subscription(jobs, cursor=numbers[9])), '"49"')
    assert [int(message.id) for message in got] == numbers[10:]


async def test_more_than_one_read_returns_arrives_in_order(
    hub: Hub, valkey: Valkey, job: str
) -> None:
    roomy = Log(valkey.url, maxlen=5000)
    other = f"{job}-other"
    created = [
        roomy.append(name, state(name, "queued", 0), attempt=0, created=True).number
        for name in (job, other)
    ]
    events = [(seq, Event("log", {"job": job, "text": str(seq)})) for seq in range(1, 2501)]
    roomy.append_all(job, events, attempt=1)
    say(roomy, other, "last")
    got = await collect(hub.stream(Subscription([job, other], cursor=created[1])), "last")
    assert texts(got) == [str(seq) for seq in range(1, 2501)] + ["last"]
    roomy.close()


async def test_a_cursor_before_what_is_kept_gets_resync_and_a_snapshot(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    first = say(log, job, "first")
    say(log, job, "second")
    say(log, job, "third")
    with valkey.client() as client:
        client.xtrim(keys.log(job), maxlen=1, approximate=False)
    got = await collect(hub.stream(Subscription([job], cursor=first)), "percent")
    assert [message.event for message in got] == ["resync", "snapshot", "progress"]
    assert json.loads(got[0].data) == {"job": job, "reason": "trimmed"}
    assert [message.id for message in got[:2]] == [str(first)] * 2
    assert int(got[2].id) > first


async def test_a_cursor_ahead_of_the_end_is_never_silence(hub: Hub, log: Log, job: str) -> None:
    ahead = say(log, job, "x") + 10**9
    log.append(job, state(job, "running"), attempt=1)
    got = await collect(hub.stream(Subscription([job], cursor=ahead)), "percent")
    assert json.loads(got[0].data)["reason"] == "unknown"
    assert int(got[-1].id) < ahead


async def test_a_cursor_that_is_no_number_gets_resync(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    got = await collect(hub.stream(Subscription([job], reason="unknown")), "status")
    assert [json.loads(message.data).get("reason") for message in got] == ["unknown", None]


async def test_the_stream_of_a_job_ends_with_done(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    stream = await live(hub, Subscription([job], ends=True))
    log.append(job, state(job, "succeeded", final=True), attempt=1)
    got = await collect(stream, "never")
    assert [(m.event, m.data) for m in got][-1] == ("done", "[DONE]")
    assert json.loads(got[-2].data)["status"] == "succeeded"


async def test_the_stream_of_a_job_that_has_ended_says_so_at_once(
    hub: Hub, log: Log, database: Database, job: str
) -> None:
    ended = log.append(job, state(job, "failed", final=True), attempt=1).number
    assert [m.event for m in await collect(hub.stream(Subscription([job], ends=True)), "x")] == [
        "snapshot",
        "progress",
        "done",
    ]
    again = await collect(hub.stream(Subscription([job], ends=True, cursor=ended)), "x")
    assert [message.event for message in again] == ["done"]
    database.jobs["old"] = {"job": "old", "status": "failed", "finished": "2026-01-01"}
    old = await collect(hub.stream(Subscription(["old"], ends=True)), "x")
    assert [message.event for message in old] == ["snapshot", "progress", "done"]
    gone = await collect(hub.stream(Subscription(["gone"], ends=True)), "x")
    assert [message.event for message in gone] == ["done"]


async def test_a_retry_of_a_finished_job_keeps_the_stream_open(
    hub: Hub, log: Log, job: str
) -> None:
    ended = log.append(job, state(job, "failed", final=True), attempt=1).number
    log.append(job, state(job, "queued"), attempt=1)
    stream = hub.stream(Subscription([job], ends=True, cursor=ended - 1))
    got = await collect(stream, "queued")
    assert "done" not in [message.event for message in got]


async def test_a_first_entry_that_comes_too_late_is_left_out(hub: Hub, log: Log, job: str) -> None:
    log.append(job, state(job, "cancelled", 0, final=True), attempt=0)
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    got = await collect(hub.stream(Subscription([job], ends=True)), "never")
    assert [json.loads(got[0].data)["status"], got[-1].event] == ["cancelled", "done"]


async def test_a_reader_may_see_less_than_others_of_the_same_job(
    hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    limited = Subscription([job], ends=True, reduce=lambda frames: frames.replace(b"secret", b"-"))
    some, all_of_it = await live(hub, limited), await live(hub, Subscription([job]))
    say(log, job, "a secret")
    assert texts(await collect(some, "a -")) == ["a -"]
    assert texts(await collect(all_of_it, "a secret")) == ["a secret"]
    again = hub.stream(Subscription([job], cursor=1, reduce=limited.reduce))
    assert "secret" not in str(await collect(again, "a -"))
