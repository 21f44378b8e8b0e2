"""Redis comes back with an older state: a snapshot was loaded, or a replica that had not heard of
the last writes took over. Some have read what is gone, others never will."""

from progress.stream import Event, Hub, Log, Subscription, keys
from tests.stream.conftest import state
from tests.stream.streams import collect, live, texts
from tests.support.stack import Valkey


class Worker:
    """Appends lines as a running attempt does: it knows which number its last one got."""

    def __init__(self, log: Log, job: str) -> None:
        self.log, self.job, self.seq, self.number = log, job, 0, 0

    def say(self, text: str) -> int:
        self.seq += 1
        event = Event("log", {"job": self.job, "text": text})
        receipt = self.log.append_all(self.job, [(self.seq, event)], attempt=1, floor=self.number)
        self.number = receipt.number
        return self.number


def saved(valkey: Valkey, job: str) -> dict[str, bytes]:
    with valkey.client() as client:
        return {key: client.dump(key) for key in (keys.LAST, keys.log(job), keys.snapshot(job))}


def load(valkey: Valkey, state: dict[str, bytes]) -> None:
    with valkey.client() as client:
        for key, value in state.items():
            client.restore(key, 0, value, replace=True)


async def test_who_missed_what_a_rollback_took_is_told(
    hub: Hub, valkey: Valkey, log: Log, job: str
) -> None:
    log.append(job, state(job, "running"), attempt=1, created=True)
    worker = Worker(log, job)
    cursor = worker.say("one")
    before = saved(valkey, job)
    whole = await live(hub, Subscription([job], cursor=cursor))
    worker.say("two")
    load(valkey, before)
    worker.say("three")
    late = await live(hub, Subscription([job], cursor=cursor))
    worker.say("four")
    got = await collect(late, "four")
    assert [message.event for message in got] == ["resync", "snapshot", "log"]
    got = await collect(whole, "four")
    assert texts(got) == ["two", "three", "four"]
    assert {message.event for message in got} == {"log"}
