"""What is kept with an attempt: numbered lines with their levels and times, and which of them are
still to be stored."""

import logging
import time

import pytest

from headway.stream import Log, Reporter
from headway.stream.event import MOTION, Progress, level_of
from headway.stream.record import LINES_KEPT, OVERHEAD, WAITING, Record
from tests.stream.conftest import Written

NOTHING: Progress = {"job": "", "attempt": 1, "status": "running", **MOTION}


def filled(count: int, text: str = "x") -> Record:
    record = Record()
    for number in range(count):
        record.add("log", "info", text, number)
    return record


@pytest.mark.parametrize(
    ("given", "level"),
    [
        *[("debug", "debug"), ("INFO", "info"), ("warn", "warning"), ("error", "error")],
        *[("critical", "error"), ("loud", "info"), (None, "info"), ("", "info")],
        *[(logging.DEBUG, "debug"), (logging.WARNING, "warning"), (logging.CRITICAL, "error")],
        *[(0, "debug"), (25, "info"), (10**9, "error"), (-1, "debug")],
    ],
)
def test_levels_are_those_of_logging(given: object, level: str) -> None:
    assert level_of(given) == level


def test_a_line_is_sent_with_its_number_its_time_and_a_level_that_is_not_usual(
    log: Log, job: str, entries: Written
) -> None:
    before = time.time() * 1000 - 1
    reporter = Reporter(log, job, 1)
    reporter.log("one")
    reporter.log("two", "error")
    reporter.warn("row 7", "is odd")
    reporter.stop()
    lines = [data for kind, data in entries() if kind in ("log", "warning")]
    assert [(each["n"], each.get("level")) for each in lines] == [
        (1, None),
        (2, "error"),
        (3, None),
    ]
    assert all(before <= each["t"] <= time.time() * 1000 + 1 for each in lines)
    read = log.lines(job, reporter.number)
    assert [each["level"] for each in read] == ["info", "error", "warning"]
    kept = reporter.record.said(reporter.progress())["lines"]
    assert [(each["n"], each["level"]) for each in kept] == [
        *((1, "info"), (2, "error"), (3, "warning"))
    ]


def test_the_last_lines_are_in_the_row_and_more_wait_to_be_stored() -> None:
    record = filled(LINES_KEPT)
    assert record.said(NOTHING)["unstored"] == []
    record.add("log", "info", "one more", 0)
    said = record.said(NOTHING)
    assert [line["n"] for line in said["unstored"]] == [*range(1, LINES_KEPT + 2)]
    assert [line["n"] for line in said["lines"]] == [*range(2, LINES_KEPT + 2)]
    record.add("log", "info", "said meanwhile", 0)
    record.stored(said["unstored"][-1]["n"])
    assert record.waiting == 1
    assert record.said(NOTHING)["unstored"] == []
    record.stored(10**9)
    assert record.waiting == 0


def test_what_waits_is_bounded_and_the_oldest_is_given_up() -> None:
    record = filled(WAITING // (OVERHEAD + 1000) + 100, "x" * 1000)
    numbers = [line["n"] for line in record.said(NOTHING)["unstored"]]
    assert numbers[0] == 101
    assert numbers[-1] == WAITING // (OVERHEAD + 1000) + 100
