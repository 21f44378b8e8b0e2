"""What a task says reaches the log in time, once, and without holding the task up."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from progress.stream import Cancelled, Log, Reporter, Superseded
from progress.stream.reporter import OUTPUT, OUTPUT_KEPT, PENDING
from progress.stream.ticker import TICK, Ticker
from tests.stream.conftest import progress, state, written
from tests.support.processes import wait_until
from tests.support.stack import Valkey


@pytest.fixture
def reporter(log: Log, job: str) -> Iterator[Reporter]:
    started = Reporter(log, job, 1)
    started.start()
    yield started
    started.stop()


Written = Callable[[], list[tuple[str, dict[str, Any]]]]


@pytest.fixture
def entries(valkey: Valkey, job: str) -> Written:
    return lambda: written(valkey, job)


def test_a_loop_is_reported_in_order_and_to_its_end(reporter: Reporter, entries: Written) -> None:
    for _ in reporter.track(range(30), message="working"):
        time.sleep(0.02)
    reporter.stop()
    reports = [data for event, data in entries() if event == "progress"]
    currents = [data["current"] for data in reports if data["current"] is not None]
    assert currents == sorted(currents)
    assert 3 < len(currents) < 15
    assert reports[-1]["current"] == reports[-1]["total"] == 30
    assert reports[-1]["percent"] == 99.9
    assert {data["message"] for data in reports} <= {"", "working"}


def test_the_first_report_after_a_rest_is_written_at_once(
    reporter: Reporter, entries: Written
) -> None:
    wait_until(lambda: reporter._idle)
    wait_until(lambda: time.monotonic() - reporter._sent_at > TICK)
    reporter.update(1, 10)
    begun = time.monotonic()
    wait_until(lambda: [1 for _, data in entries() if data["current"] == 1], every=0.002)
    assert time.monotonic() - begun < TICK


def test_nothing_is_written_when_nothing_changes(reporter: Reporter, entries: Written) -> None:
    reporter.update(1, 10)
    wait_until(lambda: [1 for _, data in entries() if data["current"] == 1])
    count = len(entries())
    for _ in range(3):
        reporter.update(1, 10)
        reporter.flush(time.monotonic() + 1)
    assert len(entries()) == count


def test_lines_and_warnings_are_all_written(reporter: Reporter, entries: Written) -> None:
    reporter.log("one\ntwo")
    reporter.warn("row 7", ValueError("no number"))
    reporter.stop()
    assert ("log", "info", "one two") in [
        (event, data.get("level"), data.get("text")) for event, data in entries()
    ]
    assert ("warning", "row 7: no number") in [
        (event, data.get("text")) for event, data in entries()
    ]
    assert reporter.warnings == [{"item": "row 7", "reason": "no number"}]
    assert reporter.progress()["warnings"] == reporter.warning_count == 1


def test_a_flood_of_lines_is_counted_and_not_sent(log: Log, job: str) -> None:
    roomy = Log(log.url, maxlen=10_000)
    reporter = Reporter(roomy, job, 1)
    for number in range(PENDING + 500):
        reporter.log(number)
    reporter.stop()
    texts = [line["text"] for line in roomy.lines(job, reporter.number, count=5000)]
    assert texts[:PENDING] == [str(number) for number in range(PENDING)]
    assert texts[PENDING:] == ["… 500 more lines, too fast to show"]
    roomy.close()


def test_only_the_first_hundred_warnings_are_kept_and_all_are_counted(reporter: Reporter) -> None:
    for number in range(150):
        reporter.warn(number, "bad")
    assert len(reporter.warnings) == 100
    assert reporter.progress()["warnings"] == 150


def test_output_is_joined_and_cut_into_pieces_of_bounded_size(
    reporter: Reporter, entries: Written
) -> None:
    for piece in ("Hel", "lo\n", "\0", "x" * OUTPUT):
        reporter.output(piece)
    reporter.stop()
    pieces = [data["text"] for event, data in entries() if event == "output"]
    assert "".join(pieces) == "Hello\n" + "x" * OUTPUT
    assert max(map(len, pieces)) <= OUTPUT


def test_the_first_output_does_not_wait_for_the_tick_and_later_ones_do(
    log: Log, job: str, entries: Written
) -> None:
    reporter, now = Reporter(log, job, 1), time.monotonic()  # flushed by hand
    reporter.update(1)
    reporter.flush(now)
    for moment, text in enumerate(("Once", " upon", " a time")):
        reporter.output(text)
        reporter.flush(now + moment / 1000)
    assert [data["text"] for event, data in entries() if event == "output"] == ["Once"]
    reporter.flush(now + TICK + 0.01)
    assert [data["text"] for event, data in entries() if event == "output"][1:] == [" upon a time"]


def test_phases_advance_one_bar(reporter: Reporter) -> None:
    reporter.phase("Scan", 0.5)
    reporter.update(0, 2)
    reporter.advance()
    assert reporter.progress()["percent"] == 25.0
    reporter.phase("Write")
    reporter.update(1, 2)
    assert (reporter.progress()["phase"], reporter.progress()["percent"]) == ("Write", 75.0)


def test_a_cancel_request_ends_the_loop(log: Log, job: str, reporter: Reporter) -> None:
    with pytest.raises(Cancelled):  # noqa: PT012 - the loop is what is interrupted
        for number in reporter.track(iter(range(10_000))):
            if number == 3:
                log.append(job, state(job, "cancelling"), attempt=1)
            time.sleep(0.01)
    assert reporter.progress()["status"] == "cancelling"


@pytest.mark.parametrize("call", ["update", "phase", "advance"])
def test_each_call_says_that_the_attempt_was_cancelled(
    log: Log, job: str, reporter: Reporter, call: str
) -> None:
    log.append(job, state(job, "cancelling"), attempt=1)
    wait_until(lambda: reporter._stop)
    with pytest.raises(Cancelled):
        getattr(reporter, call)(1)


def test_a_task_that_has_noticed_ends_by_itself(log: Log, job: str, reporter: Reporter) -> None:
    assert not reporter.cancelled
    log.append(job, state(job, "cancelling"), attempt=1)
    wait_until(lambda: reporter.cancelled)
    reporter.update(5, 10)
    assert reporter.progress()["status"] == "cancelling"


def test_a_replaced_attempt_stops_and_writes_nothing_more(
    log: Log, job: str, reporter: Reporter, entries: Written
) -> None:
    reporter.update(1, 10)
    wait_until(lambda: any(data["current"] == 1 for _, data in entries()))
    log.append(job, progress(job, 0, attempt=2), attempt=2)
    count = len(entries())
    with pytest.raises(Superseded):  # noqa: PT012 - the loop is what is interrupted
        for _ in reporter.track(range(10_000)):
            time.sleep(0.01)
    reporter.stop()
    assert len(entries()) == count


def test_whoever_ends_an_attempt_is_obeyed_and_the_end_is_final(log: Log, job: str) -> None:
    reporter = Reporter(log, job, 1)
    reporter.interrupt(Cancelled)
    with pytest.raises(Cancelled):
        reporter.update(1)
    reporter.interrupt(Superseded)
    reporter.interrupt(Cancelled)
    assert reporter.superseded
    with pytest.raises(Superseded):
        reporter.update(1)


def test_output_that_nobody_takes_is_bounded_and_says_what_was_left_out(job: str) -> None:
    reporter = Reporter(Log("unix:///nowhere.sock", timeout=0.1), job, 1)
    for _ in range(40):
        reporter.output("x" * (OUTPUT_KEPT // 4))
        reporter.flush(time.monotonic(), last=True)
        assert reporter._output_size <= OUTPUT_KEPT
    reporter.output("y" * (3 * OUTPUT_KEPT))
    reporter.output("the end")
    assert len(reporter._unsent) <= PENDING + OUTPUT_KEPT // OUTPUT + 1
    reporter._unsent = []  # as when Redis is back
    reporter._collect()
    told, *output = [event.data for _, event in reporter._unsent if event.kind != "progress"]
    assert "characters of output left out" in told["text"]
    assert "".join(each["text"] for each in output).endswith("the end")


def test_a_job_goes_on_without_redis_and_catches_up(
    valkey: Valkey, job: str, entries: Written
) -> None:
    impatient = Log(valkey.url, timeout=0.2)
    reporter = Reporter(impatient, job, 1)
    reporter.start()
    wait_until(lambda: reporter._idle)
    valkey.pause()
    try:
        begun = time.monotonic()
        for number in reporter.track(range(100_000)):
            if number % 1000 == 0:
                reporter.log(number)
        reporter.phase("next")
        assert time.monotonic() - begun < 2
        reporter.update(7, 10)
        assert wait_until(lambda: reporter._unsent)
    finally:
        valkey.resume()
    wait_until(lambda: any(data.get("current") == 7 for _, data in entries()))
    reporter.stop()
    texts = [data["text"] for event, data in entries() if event == "log"]
    assert texts == [str(number) for number in range(0, 100_000, 1000)]
    impatient.close()


def test_threads_of_one_task_may_count_together(log: Log, job: str) -> None:
    reporter = Reporter(log, job, 1)

    def count() -> None:
        for item in range(5000):
            reporter.advance()
            reporter.warn(item, "is only counted")

    threads = [threading.Thread(target=count) for _ in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads meet in every place
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    done = reporter.progress()
    assert (done["current"], done["warnings"]) == (20_000, 20_000)


def test_an_error_of_redis_never_reaches_the_job(job: str) -> None:
    reporter = Reporter(Log("unix:///nowhere.sock", timeout=0.1), job, 1)
    reporter.update(1, 2)
    reporter.flush(time.monotonic())
    assert reporter.stop()["percent"] == 50.0


def test_one_thread_serves_all_reporters_and_ends_with_them(log: Log, job: str) -> None:
    def tickers() -> int:
        return sum(thread.name == "progress" for thread in threading.enumerate())

    wait_until(lambda: tickers() == 0)
    reporters = [Reporter(log, f"{job}-{number}", 1) for number in range(5)]
    for reporter in reporters:
        reporter.start()
    assert tickers() == 1
    for reporter in reporters:
        reporter.stop()
    wait_until(lambda: tickers() == 0)


def test_a_reporter_that_fails_takes_no_other_with_it(
    reporter: Reporter, entries: Written, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def flush(self, now: float) -> None:
            raise RuntimeError(f"broken at {now}")

    broken = Broken()
    Ticker.shared().add(broken)
    wait_until(lambda: "broken at" in caplog.text)
    reporter.update(1, 2)
    wait_until(lambda: [1 for _, data in entries() if data["current"] == 1])
    Ticker.shared().remove(broken)


def test_a_forked_process_gets_a_ticker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = Ticker.shared()
    assert Ticker.shared() is parents
    monkeypatch.setattr("os.getpid", lambda: -1)
    assert Ticker.shared() is not parents
    monkeypatch.undo()
    monkeypatch.setattr(Ticker, "_shared", parents)


def test_a_refused_write_says_so(log: Log, job: str, valkey: Valkey) -> None:
    reporter = Reporter(log, job, 1)
    reporter.update(1, 2)
    with valkey.client() as client:
        client.set("{p}:log:" + job, "not a stream")
        reporter.flush(time.monotonic())
        assert reporter._unsent
        client.delete("{p}:log:" + job)
    reporter.flush(time.monotonic() + 1)
    assert not reporter._unsent
    assert isinstance(redis.ResponseError("x"), redis.RedisError)
