"""What fails beside a task holds it up as little as the one thread that writes for all of them."""

import threading
import time

import pytest

from headway.stream import Log, Reporter
from headway.stream.ticker import Ticker
from tests.stream.conftest import Written
from tests.support.processes import wait_until
from tests.support.stack import Valkey


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
