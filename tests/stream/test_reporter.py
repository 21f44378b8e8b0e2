"""How far a task says it is reaches the log in time, once, and without holding the task up."""

import sys
import threading
import time

import pytest

from headway.stream import Log, Reporter
from headway.stream.ticker import TICK
from tests.stream.conftest import Written
from tests.support.processes import wait_until


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
    reporter: Reporter, entries: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ticks so long that a busy machine is not taken for one."""
    tick = 10 * TICK
    for module in ("reporter", "ticker"):
        monkeypatch.setattr(f"headway.stream.{module}.TICK", tick)
    wait_until(lambda: reporter._idle)
    wait_until(lambda: time.monotonic() - reporter._sent_at > tick)
    reporter.update(1, 10)
    begun = time.monotonic()
    wait_until(lambda: [1 for _, data in entries() if data["current"] == 1], every=0.002)
    assert time.monotonic() - begun < tick


def test_nothing_is_written_when_nothing_changes(reporter: Reporter, entries: Written) -> None:
    reporter.update(1, 10)
    wait_until(lambda: [1 for _, data in entries() if data["current"] == 1])
    count = len(entries())
    for _ in range(3):
        reporter.update(1, 10)
        reporter.flush(time.monotonic() + 1)
    assert len(entries()) == count


def test_phases_advance_one_bar(reporter: Reporter) -> None:
    reporter.phase("Scan", 0.5)
    reporter.update(0, 2)
    reporter.advance()
    assert reporter.progress()["percent"] == 25.0
    reporter.phase("Write")
    reporter.update(1, 2)
    assert (reporter.progress()["phase"], reporter.progress()["percent"]) == ("Write", 75.0)


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
