"""The log: numbers, fences, snapshots and what survives."""

import uuid

import pytest
import redis

from headway.stream import Event, Log, keys
from tests.stream.conftest import Written, progress, state
from tests.support.stack import Valkey


def output(job: str, text: str) -> Event:
    return Event("output", {"job": job, "attempt": 1, "text": text})


def test_numbers_grow_over_all_jobs_and_are_microseconds(log: Log, job: str) -> None:
    other = str(uuid.uuid4())
    numbers = [
        log.append(name, progress(name, 1), attempt=1).number for name in (job, other, job, other)
    ]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 1_700_000_000_000_000


def test_a_number_is_never_below_one_that_the_writer_knows(log: Log, job: str) -> None:
    taken = log.append(job, progress(job, 1), attempt=1).number + 10_000_000
    assert log.append(job, progress(job, 2), attempt=1, floor=taken).number == taken + 1


def test_each_entry_names_the_one_before(log: Log, valkey: Valkey, job: str) -> None:
    first = log.append(job, state(job, "queued", 0), attempt=0, created=True)
    second = log.append(job, state(job, "running"), attempt=1)
    with valkey.client() as client:
        entries = [fields for _, fields in client.xrange(keys.log(job))]
    assert [int(entry[b"p"]) for entry in entries] == [0, first.number]
    assert entries[1][b"f"].startswith(f"id: {second.number}\nevent: state\ndata: {{".encode())
    assert entries[1][b"f"].endswith(b"}\n\n")


def test_the_snapshot_is_the_newest_progress_under_the_newest_state(log: Log, job: str) -> None:
    log.append(job, state(job, "queued", 0), attempt=0, created=True)
    log.append(job, state(job, "running"), attempt=1)
    receipt = log.append(job, progress(job, 40), attempt=1)
    cursor, states, _ = log.read([job, "no such job"])
    assert cursor == receipt.number
    assert states[job].pop("quiet") < 60
    known = {"job": job, "attempt": 1, "status": "running", "percent": 40, "stalled": False}
    assert states == {job: known}


def test_an_end_comes_together_with_what_is_said_beside_it(
    log: Log, job: str, entries: Written, valkey: Valkey
) -> None:
    """Though Redis has forgotten the script."""
    log.append(job, state(job, "running"), attempt=1)
    with valkey.client() as client:
        client.script_flush()
    receipt = log.append(
        job, state(job, "succeeded", final=True), attempt=1, first=progress(job, 100)
    )
    told = [(event, data.get("status"), data.get("percent")) for event, data in entries()]
    assert told[1:] == [("progress", None, 100), ("state", "succeeded", None)]
    found = log.read([job])
    assert found.cursor == receipt.number
    assert (found.states[job]["percent"], found.states[job]["eta"]) == (100, None)


def test_a_new_attempt_starts_without_the_progress_of_the_last(log: Log, job: str) -> None:
    log.append(job, progress(job, 40), attempt=1)
    log.append(job, state(job, "queued", 1), attempt=1)
    assert "percent" not in log.read([job]).states[job]
    log.append(job, state(job, "running", 2), attempt=2)
    assert "percent" not in log.read([job]).states[job]


def test_an_attempt_that_was_replaced_can_write_nothing(log: Log, job: str) -> None:
    log.append(job, state(job, "running", 2), attempt=2)
    assert log.append(job, progress(job, 1), attempt=1) == (0, True, False)
    assert log.append(job, state(job, "succeeded", 1, final=True), attempt=1).fenced
    assert log.append_all(job, [(1, progress(job, 1))], attempt=1).fenced
    assert log.beat(job, 1).fenced
    assert not log.beat(job, 2).fenced


@pytest.mark.parametrize("status", ["queued", "lost"])
def test_an_attempt_that_was_ended_can_report_nothing(log: Log, job: str, status: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    log.append(job, state(job, status, final=status == "lost"), attempt=1)
    assert log.append(job, progress(job, 50), attempt=1).fenced
    assert log.beat(job, 1).fenced
    assert not log.append(job, state(job, "running", 2), attempt=2).fenced


def test_a_cancel_request_reaches_the_attempt_with_its_next_write(log: Log, job: str) -> None:
    assert not log.append(job, progress(job, 1), attempt=1).cancelled
    log.append(job, state(job, "cancelling"), attempt=1)
    assert log.append(job, progress(job, 2), attempt=1).cancelled
    assert log.beat(job, 1).cancelled
    assert not log.append(job, progress(job, 0, 2), attempt=2).cancelled


def test_nothing_is_taken_whose_forerunner_was_refused(log: Log, valkey: Valkey, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    events = [(seq, output(job, str(seq))) for seq in (1, 2, 3)]
    with valkey.client() as client:
        held = client.config_get("maxmemory")["maxmemory"]
        client.config_set("maxmemory", 1)
        try:
            with pytest.raises(redis.RedisError):
                log.append_all(job, events, attempt=1)
        finally:
            client.config_set("maxmemory", held)
        later = log._call(job, events[2][1], 1, 3, before=2)
        with pytest.raises(redis.ResponseError, match="ORDER"):
            log._write([later])
        log.append_all(job, events, attempt=1)
        assert client.get(keys.output(job)) == b"123"


def test_a_write_that_is_repeated_counts_once(log: Log, valkey: Valkey, job: str) -> None:
    once = log.append(job, progress(job, 1), attempt=1, seq=1)
    again = log.append(job, progress(job, 1), attempt=1, seq=1)
    assert again == once
    with valkey.client() as client:
        assert client.xlen(keys.log(job)) == 1


def test_several_events_go_in_one_round_trip_also_after_a_restart(
    log: Log, valkey: Valkey, job: str
) -> None:
    with valkey.client() as client:
        client.script_flush()
    events = [(number, progress(job, number)) for number in range(1, 6)]
    receipt = log.append_all(job, events, attempt=1)
    with valkey.client() as client:
        entries = client.xrange(keys.log(job))
    assert len(entries) == 5
    assert entries[-1][0] == f"{receipt.number}-0".encode()


def test_only_a_finished_job_expires(log: Log, valkey: Valkey, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    with valkey.client() as client:
        log.append(job, output(job, "said"), attempt=1)
        assert client.ttl(keys.log(job)) == client.ttl(keys.snapshot(job)) == -1
        log.append(job, state(job, "succeeded", final=True), attempt=1)
        assert 0 < client.ttl(keys.log(job)) <= 60
        assert 0 < client.ttl(keys.output(job)) <= 60
        log.append(job, state(job, "queued"), attempt=1)
        assert client.ttl(keys.log(job)) == client.ttl(keys.snapshot(job)) == -1


def test_the_lines_of_a_job_are_read_back_oldest_first(log: Log, job: str) -> None:
    log.append(job, state(job, "running"), attempt=1)
    for text in ("one", "two", "three"):
        log.append(job, Event("log", {"job": job, "level": "info", "text": text}), attempt=1)
        log.append(job, progress(job, 1), attempt=1)
    newest = log.beat(job, 1).number
    assert [line["text"] for line in log.lines(job, newest)] == ["one", "two", "three"]
    assert [line["text"] for line in log.lines(job, newest, count=2)] == ["two", "three"]
    log.append(job, Event("log", {"job": job, "level": "info", "text": "late"}), attempt=1)
    assert [line["text"] for line in log.lines(job, newest)] == ["one", "two", "three"]


def test_output_is_one_text_however_few_events_are_kept(log: Log, job: str) -> None:
    few = Log(log.url, maxlen=100)
    few.append(job, state(job, "running"), attempt=1)
    for number in range(1000):
        receipt = few.append(job, output(job, f"{number} ü🎈\n"), attempt=1)
    assert few.output(job) == (
        receipt.number,
        1,
        "".join(f"{number} ü🎈\n" for number in range(1000)),
    )
    few.append(job, output(job, "again"), attempt=2)
    assert few.output(job)[1:] == (2, "again")
    few.close()


def test_of_a_very_long_output_the_end_is_kept(log: Log, job: str, valkey: Valkey) -> None:
    for _ in range(70):
        log.append(job, output(job, "ü" * 20_000), attempt=1)
    log.append(job, output(job, "end"), attempt=1)
    text = log.output(job).text
    assert 2**19 <= len(text) < 2**20
    assert set(text[:-3]) == {"ü"}
    assert text.endswith("end")


def test_a_process_is_alive_until_its_note_is_old(log: Log) -> None:
    role = str(uuid.uuid4())
    log.alive(role, "fresh", {"queues": ["slow"]})
    log.alive(role, "old", {}, ttl=-1)
    assert log.who_is_alive(role)["fresh"]["queues"] == ["slow"]
    assert set(log.who_is_alive(role)) == {"fresh"}
    log.gone(role, "fresh")
    assert not log.who_is_alive(role)


def test_the_server_says_of_itself_what_this_user_may_know(log: Log, valkey: Valkey) -> None:
    assert log.server()["used_memory"] > 0
    with valkey.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "-info")
        try:
            assert log.server() == {}
        finally:
            client.execute_command("ACL", "SETUSER", "default", "+info")


def test_redis_away_is_an_error_of_redis_after_a_bounded_time() -> None:
    away = Log("unix:///nowhere/valkey.sock", timeout=0.2)
    with pytest.raises(redis.RedisError):
        away.epoch()
    with pytest.raises(redis.RedisError):
        away.append("job", progress("job", 1), attempt=1)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(ValueError, match="no such event: 'open'; choose one of"):
        Event("open", {})


def test_nothing_that_is_not_json_gets_into_the_log(log: Log, job: str) -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        log.append(job, progress(job, float("nan")), attempt=1)


def test_many_first_events_go_in_one_round_trip_and_change_nothing_that_is_there(
    log: Log, valkey: Valkey
) -> None:
    jobs = [str(uuid.uuid4()) for _ in range(3)]
    log.append(jobs[1], state(jobs[1], "running"), attempt=1)
    with valkey.client() as client:
        client.script_flush()
        listener = client.pubsub()
        listener.subscribe(keys.feed("user:1"))
        listener.get_message(timeout=5)
        log.create((job, state(job, "queued", 0), 0, "user:1") for job in jobs)
        told = [(listener.get_message(timeout=5) or {})["data"].split()[0] for _ in range(2)]
    assert told == [jobs[0].encode(), jobs[2].encode()]
    found = log.read(jobs).states
    assert [found[job]["status"] for job in jobs] == ["queued", "running", "queued"]


def test_a_job_may_have_any_name(log: Log, valkey: Valkey) -> None:
    name = f"née {uuid.uuid4()}"
    number = log.append(name, state(name, "queued", 0), attempt=0, created=True).number
    with valkey.client() as client:
        assert client.xlen(keys.log(name)) == 1
    assert log.read([name]).cursor >= number
