"""An attempt that is cancelled, replaced or ended learns of it where it reports."""

import threading
import time

import pytest

from headway.stream import Cancelled, Log, Reporter, Superseded
from headway.stream import reporter as reporters
from headway.stream.event import Progress
from tests.stream.conftest import Written, progress, state
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until


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


@pytest.mark.parametrize("call", ["track", "update", "phase", "advance"])
def test_a_task_that_looks_gets_the_chance_to_see_it(log: Log, job: str, call: str) -> None:
    """Also where the cancel comes while an item is worked on, before the call and not before the
    look."""
    reporter = Reporter(log, job, 1)
    seen = None
    for number in reporter.track(range(10)):
        if reporter.cancelled:
            seen = number
            break
        if number == 3:
            reporter.interrupt(Cancelled)
        if call != "track":
            getattr(reporter, call)(1)
    assert seen == 4
    reporter.update(5, 10)


def test_a_task_that_looks_no_more_is_stopped_after_a_while(
    log: Log, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporters, "CHANCE", 0.2)
    reporter = Reporter(log, job, 1)
    assert not reporter.cancelled
    reporter.interrupt(Cancelled)
    begun = time.monotonic()
    with pytest.raises(Cancelled):  # noqa: PT012 - the loop is what is interrupted
        for _ in reporter.track(range(10_000)):
            time.sleep(0.01)
    assert time.monotonic() - begun >= 0.2


def test_a_task_that_looks_is_told_at_once_that_it_was_replaced(log: Log, job: str) -> None:
    reporter = Reporter(log, job, 1)
    assert not reporter.cancelled
    reporter.interrupt(Superseded)
    with pytest.raises(Superseded):
        reporter.update(1)


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


class Late:
    """A ticker whose first tick comes after the end of all that it was given."""

    def add(self, reporter: object, /) -> None:
        pass

    remove = wake = add


def test_a_task_that_ends_before_the_first_tick_says_only_what_it_has_to(
    log: Log, job: str, entries: Written
) -> None:
    silent, speaks = (Reporter(log, job, 1, ticker=Late) for _ in range(2))
    silent.start()
    assert silent.stop()["percent"] is None
    assert entries() == []
    speaks.start()
    speaks.log("Nothing to do")
    speaks.stop()
    assert [kind for kind, _ in entries()] == ["log", "progress"]


def test_an_end_waits_for_the_flush_that_has_just_taken_what_was_said(
    log: Log, job: str, entries: Written
) -> None:
    reached, goes_on = threading.Event(), threading.Event()

    class Slow(Reporter):
        def progress(self) -> Progress:
            if threading.current_thread() is not threading.main_thread():
                reached.set()
                assert goes_on.wait(PATIENCE)
            return super().progress()

    reporter = Slow(log, job, 1)
    reporter.start()
    reporter.log("the only line")
    assert reached.wait(PATIENCE)
    threading.Timer(0.05, goes_on.set).start()
    reporter.stop()
    assert [kind for kind, _ in entries()] == ["log", "progress"]


def test_a_task_that_says_nothing_is_shown_from_the_first_tick_on(
    reporter: Reporter, entries: Written
) -> None:
    del reporter
    wait_until(entries)
    assert [(kind, data["percent"]) for kind, data in entries()] == [("progress", None)]
