"""Coverage is measured while the engine's own tests run, and with `--thorough` in all of them:
CPython 3.11 traces every line of every library for it, which doubled the CPU time of the suite."""

from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
from coverage import Coverage

TESTS = Path(__file__).resolve().parent.parent
ENGINES = tuple(TESTS / folder for folder in ("stream", "client", "helpers"))
"""Folders whose tests are there for headway/stream."""
MEASURED: pytest.StashKey[Coverage] = pytest.StashKey()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Measures what modules of the engine do when they are imported, and pauses. A process of xdist
    has two measurements, of which the first goes on while the second is stopped alone."""
    measured = Coverage.current()
    if measured is None or session.config.getoption("thorough"):
        return
    engine = import_module("headway.stream")
    for module in walk_packages(engine.__path__, "headway.stream."):
        import_module(module.name)
    session.config.stash[MEASURED] = measured
    while running := Coverage.current():
        running.stop()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Measures for all of a test of the engine, its fixtures too."""
    measured = item.config.stash.get(MEASURED, None)
    if measured is None or not any(map(item.path.is_relative_to, ENGINES)):
        return (yield)
    measured.start()
    try:
        return (yield)
    finally:
        measured.stop()
