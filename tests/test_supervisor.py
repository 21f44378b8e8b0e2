"""The supervisor, over small real processes."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway.ops.supervisor import Supervisor

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor(pause=0.01) as running:
        yield running


def test_a_process_that_keeps_failing_is_named_and_ends_the_rest(supervisor: Supervisor) -> None:
    supervisor.start("good", "exec sleep 60", ENVIRONMENT)
    supervisor.start("bad", "exec false", ENVIRONMENT)
    assert supervisor.run() is False
    assert supervisor.failure.startswith("bad ended with 1, for the 5th time")


def test_a_process_that_died_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    supervisor.start(
        "mortal", f"echo x >> {lives}; [ $(wc -l < {lives}) -gt 2 ] && exec sleep 60", ENVIRONMENT
    )
    deadline = time.monotonic() + 10
    assert supervisor.run(
        until=lambda: (
            time.monotonic() > deadline or lives.read_text().count("x") == 3
            if lives.exists()
            else False
        )
    )
    assert lives.read_text().count("x") == 3


def test_the_end_reaches_the_process_and_not_its_group(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    child = f"trap 'echo child >> {told}' TERM; while :; do sleep 0.1; done"
    parent = f"trap 'echo parent >> {told}; exit 0' TERM; sh -c \"{child}\" & wait"
    (tmp_path / "parent.sh").write_text(parent)
    supervisor.start("parent", f"exec sh {tmp_path}/parent.sh", ENVIRONMENT)
    deadline = time.monotonic() + 0.5
    supervisor.run(until=lambda: time.monotonic() > deadline)
    supervisor.end(["parent"], grace=1)
    assert told.read_text() == "parent\n"


def test_a_process_that_ignores_the_end_is_killed(supervisor: Supervisor) -> None:
    supervisor.start("deaf", "trap '' TERM; while :; do sleep 0.1; done", ENVIRONMENT)
    deadline = time.monotonic() + 0.5
    supervisor.run(until=lambda: time.monotonic() > deadline)
    started = time.monotonic()
    supervisor.end(["deaf"], grace=0.5)
    assert time.monotonic() - started < 2
