"""How long a run has been silent: by its own worker's clock, and by that of Redis."""

import time
from collections.abc import Callable

import pytest

from headway.stream import Event, Log, Reporter
from headway.stream.event import is_stalled
from tests.support.processes import wait_until


def read(log: Log, job: str) -> dict[str, object]:
    return log.read([job]).states[job]


def test_the_log_knows_how_long_ago_the_newest_event_was(log: Log, job: str) -> None:
    state = {"job": job, "attempt": 1, "status": "running", "stalled_after": 0.3}
    log.append(job, Event("state", state), attempt=1, created=True)
    wait_until(lambda: read(log, job)["stalled"])
    log.append(job, Event("log", {"text": "moves"}), attempt=1)
    assert read(log, job)["stalled"] is False
    log.append(job, Event("state", state | {"status": "failed"}, final=True), attempt=1)
    time.sleep(0.4)
    assert (read(log, job)["quiet"], read(log, job)["stalled"]) == (None, False)


@pytest.mark.parametrize(
    ("quiet", "limit", "status", "stalled"),
    [
        (130, 120, "running", True),
        (120, 120, "running", False),
        (130, 120, "cancelling", False),
        (130, None, "running", False),
        (None, 120, "running", False),
    ],
)
def test_only_a_run_that_is_known_to_be_silent_for_too_long_has_stalled(
    quiet: float | None, limit: float | None, status: str, stalled: bool
) -> None:
    assert is_stalled(status, quiet, limit) is stalled


def test_a_value_a_line_and_output_break_the_silence_of_a_run_and_its_end_does(
    reporter: Reporter,
) -> None:
    ways: list[Callable[[], None]] = [
        lambda: reporter.update(1, 10),
        lambda: reporter.log("a line"),
        lambda: reporter.warn("row 7", "no name"),
        lambda: reporter.output("text"),
    ]
    for speak in ways:
        wait_until(lambda: reporter.quiet > 0.3)
        speak()
        wait_until(lambda: reporter.quiet < 0.3, 1)
    time.sleep(0.3)
    reporter.stop()
    time.sleep(0.1)
    assert reporter.quiet == 0
