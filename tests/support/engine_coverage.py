"""Coverage is measured while the engine's own tests run, and with `--thorough` in all of them:
CPython 3.11 traces every line of every library for it, which doubled the CPU time of the suite."""

from collections.abc import Generator
from pathlib import Path

import pytest
from coverage import Coverage

TESTS = Path(__file__).resolve().parent.parent
ENGINES = tuple(TESTS / folder for folder in ("stream", "client", "helpers"))
"""Folders whose tests are there for headway/stream."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Stops measuring for all of a test, its fixtures too."""
    measured = Coverage.current()
    wanted = item.config.getoption("thorough") or any(map(item.path.is_relative_to, ENGINES))
    if measured is None or wanted:
        return (yield)
    measured.stop()
    try:
        return (yield)
    finally:
        measured.start()
