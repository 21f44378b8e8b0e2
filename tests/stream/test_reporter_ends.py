"""An attempt that is cancelled, replaced or ended learns of it where it reports."""

import time

import pytest

from headway.stream import Cancelled, Log, Reporter, Superseded
from tests.stream.conftest import Written, progress, state
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
