"""What a hub counts: each number moves with what it means, and no other does."""

import pytest

from headway.stream import Hub, Log, Subscription, keys
from headway.stream.subscription import Phase
from headway.stream.tally import KNOWN, WAYS
from tests.stream.conftest import state
from tests.stream.streams import MakeHub, collect, live, say, until
from tests.support.stack import Valkey


def total(hub: Hub, name: str) -> int:
    """Of all labels."""
    return sum(number for (known, _), number in hub.tally().items() if known == name)


def has_known_labels(hub: Hub) -> bool:
    return all(label in KNOWN[name].labels for name, label in hub.tally())


async def test_a_stream_counts_while_it_is_open_and_what_it_was_given_for_good(
    hub: Hub, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    reader = Subscription([job])
    stream = await live(hub, reader)
    assert hub.tally()["open", "sent"] == hub.tally()["opened", "sent"] == 1
    assert hub.tally()["phase", "live"] == hub.tally()["counted", ""] == 1
    before = hub.tally()
    say(log, job, "x")
    await until(lambda: hub.tally()["frames", ""] > before["frames", ""])
    after = hub.tally()
    assert after["frames", ""] - before["frames", ""] == 1
    assert after["heard", ""] - before["heard", ""] == 1
    assert after["bytes", "sent"] == reader.given > before["bytes", "sent"]
    await stream.aclose()
    assert total(hub, "open") == total(hub, "phase") == total(hub, "counted") == 0
    assert hub.tally()["bytes", "sent"] == reader.given
    assert has_known_labels(hub)


async def test_a_resume_counts_by_what_it_got_first_and_once(
    hub: Hub, log: Log, job: str, valkey: Valkey
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    numbers = [say(log, job, text) for text in range(3)]
    await collect(hub.stream(Subscription([job])), "running")
    assert total(hub, "resumed") == 0
    await collect(hub.stream(Subscription([job], cursor=numbers[0])), '"2"')
    assert (hub.tally()["resumed", "events"], total(hub, "resumed")) == (1, 1)
    with valkey.client() as client:
        client.xtrim(keys.log(job), maxlen=1, approximate=False)
    await collect(hub.stream(Subscription([job], cursor=numbers[0])), "running")
    assert (hub.tally()["resumed", "snapshots"], total(hub, "resumed")) == (1, 2)
    assert (hub.tally()["resyncs", "trimmed"], total(hub, "resyncs")) == (1, 1)
    assert has_known_labels(hub)


async def test_what_its_client_refuses_was_not_given(make_hub: MakeHub, log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    hub, reader = make_hub(buffer=1), Subscription([job])
    stream = await live(hub, reader)
    given = hub.tally()["frames", ""]
    say(log, job, "x")
    await until(lambda: reader.phase is Phase.BLOCKED)
    assert (hub.tally()["frames", ""], hub.tally()["phase", "blocked"]) == (given, 1)
    await collect(stream, '"x"')
    assert hub.tally()["frames", ""] == given + 1


async def test_refused_streams_count_by_reason(make_hub: MakeHub, job: str) -> None:
    hub = make_hub(max_streams=0)
    async for _ in hub.stream(Subscription([job])):
        pass
    await hub.close()
    async for _ in hub.stream(Subscription([job])):
        pass
    assert (hub.tally()["refused", "full"], hub.tally()["refused", "closing"]) == (1, 1)
    assert total(hub, "opened") == 0


async def test_the_log_s_absence_shows(hub: Hub, log: Log, job: str, valkey: Valkey) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    stream = await live(hub, Subscription([job]))
    assert (hub.tally()["losses", ""], hub.tally()["stale", ""]) == (0, 0)
    valkey.stop()
    try:
        await until(lambda: hub.tally()["losses", ""] and hub.tally()["stale", ""])
    finally:
        valkey.start()
    await until(lambda: not hub.tally()["stale", ""])
    await stream.aclose()


@pytest.mark.parametrize("name", KNOWN)
def test_every_way_is_known(name: str) -> None:
    assert KNOWN[name].labels in (WAYS, ("",)) or len({*KNOWN[name].labels}) > 1
