"""`pytest --thorough`: faults in the numbers of a long night instead of those of a quick suite."""

from collections.abc import Callable
from typing import Any, Protocol

import hypothesis
import pytest
from hypothesis.strategies import SearchStrategy

TIME_LIMIT = 1800
"""Seconds for a test with large numbers."""
Figure = Callable[[str, Any], None]
"""pytest's `record_property`: a name, and what a test has measured."""


class Many(Protocol):
    """How many of something a test uses."""

    def __call__(self, usual: int, *, thorough: int) -> int: ...


class Fuzz(Protocol):
    """Calls a check with inputs drawn from the strategies: few, or very many."""

    def __call__(
        self,
        check: Callable[..., None],
        *strategies: SearchStrategy[Any],
        usual: int,
        thorough: int,
    ) -> None: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    """--thorough"""
    parser.addoption(
        "--thorough", action="store_true", help="inflict faults in large numbers; takes long"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Large numbers take their time."""
    if config.getoption("thorough"):
        for item in items:
            if "many" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.timeout(TIME_LIMIT), append=False)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Shows what tests have noted by `record_property`."""
    if config.getoption("thorough"):
        for report in terminalreporter.getreports("passed"):
            figures = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
            if figures:
                terminalreporter.write_line(f"{report.nodeid}\n    {figures}")


@pytest.fixture(scope="session")
def many(request: pytest.FixtureRequest) -> Many:
    """Chooses between the number of the suite and that of `--thorough`."""
    chosen: bool = request.config.getoption("thorough")

    def choose(usual: int, *, thorough: int) -> int:
        return thorough if chosen else usual

    return choose


@pytest.fixture
def fuzz(many: Many, record_property: Figure) -> Fuzz:
    """What a test has drawn is noted as `inputs`; an input that fails is made small and shown."""

    def run(
        check: Callable[..., None],
        *strategies: SearchStrategy[Any],
        usual: int,
        thorough: int,
    ) -> None:
        count = many(usual, thorough=thorough)
        # Nothing is kept for the next run: it draws others anyway
        limits = hypothesis.settings(max_examples=count, database=None)
        limits(hypothesis.given(*strategies)(check))()
        record_property("inputs", count)

    return run
