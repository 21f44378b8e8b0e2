"""In which order tests run, and which of them in one process of xdist."""

from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TESTS = Path(__file__).resolve().parent.parent
LONG = [
    "test_up.py",
    "faults/test_database.py",
    "test_quality.py",
    "faults/test_workers.py",
    "pages/live/test_faults.py",
    "custom/test_users.py",
    "bare/test_up.py",
    "faults/test_nemesis.py",
    "install/test_install.py",
    "pages/live/test_without_locks.py",
    "faults/test_web.py",
    "faults/test_deploys.py",
    "pages/live/test_long_log.py",
    "pages/test_accessibility.py",
    "pages/live/test_freshness.py",
    "benchmarks/test_smoke.py",
    "http/test_openapi.py",
]
"""Files that take most of a minute or more: none of them may be what the others wait for in the
end."""
TOGETHER = ("tests/bare/", "tests/custom/", "tests/doctor/")
"""Folders whose files share what takes long to make."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files go first, and browser tests last in each file: from the first of them on,
    Playwright's event loop counts as running in the tests' thread, where asynchronous tests could
    start none of their own. Files with and without are mixed, since one sort needs the processor
    and the other waits for processes."""
    places = {item.path: place for place, item in reversed([*enumerate(items)])}
    long = {TESTS / name for name in LONG}
    items.sort(key=lambda item: (item.path not in long, places[item.path], in_browser(item)))


def in_browser(item: pytest.Item) -> bool:
    """Whether a test uses the browser."""
    return "browser" in getattr(item, "fixturenames", ())


class Scheduling(LoadFileScheduling):  # type: ignore[misc]  # it has no type hints
    """A file runs in one process, and so do files of a folder that share something."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (folder for folder in TOGETHER if nodeid.startswith(folder))
        return next(shared, "") or nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """What gives files to processes."""
    return Scheduling(config, log)
