"""What a task's own code logs becomes lines of its job's log, where the setting asks for it."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from django.test import override_settings

from headway import JobError
from headway.worker import captured_logging, current_progress
from tests.kinds.conftest import Trial

shop, tax = logging.getLogger("shop"), logging.getLogger("shop.tax")
Listen = Callable[..., None]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listens to loggers as the setting says; takes it back afterwards."""
    loggers = [logging.getLogger(), shop, tax, logging.getLogger("headway.lifecycle")]
    before = [(logger, logger.level, [*logger.handlers]) for logger in loggers]

    def listen(*wanted: str) -> None:
        with override_settings(HEADWAY={"CAPTURE_LOGGING": [*wanted]}):
            captured_logging.install()
            captured_logging.install()

    yield listen
    captured_logging._install.cache_clear()
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def heard(trial: Trial) -> list[tuple[str, str]]:
    return [(line["level"], line["text"]) for line in trial.said["lines"]]


def test_nothing_is_captured_unless_it_is_asked_for(trial: Trial, listen: Listen) -> None:
    listen()
    with current_progress.running(trial.progress):
        shop.error("out of stock")
    assert heard(trial) == []


def test_records_of_named_loggers_are_lines_once_and_with_their_level(
    trial: Trial, listen: Listen
) -> None:
    listen("shop", "shop.tax:debug", ":ERROR")
    with current_progress.running(trial.progress):
        shop.debug("too low")
        shop.info("%d of %s", 3, "four")
        tax.debug("%(rate)s %%", {"rate": 19})
        tax.critical("none left")
        logging.getLogger("other").warning("too low")
        logging.getLogger("other").error("of all loggers")
    shop.error("of no job")
    assert heard(trial) == [
        *(("info", "3 of four"), ("debug", "19 %"), ("error", "none left")),
        ("error", "of all loggers"),
    ]


def test_only_the_tasks_own_code_is_captured(trial: Trial, listen: Listen) -> None:
    listen(":DEBUG")
    with current_progress.running(trial.progress):
        logging.getLogger("headway.lifecycle").error("of the app itself")
        other = threading.Thread(target=shop.error, args=["of a thread"])
        other.start()
        other.join()
    assert heard(trial) == []


def test_no_secret_and_no_exception_is_told(trial: Trial, listen: Listen) -> None:
    listen("shop")
    trial.progress.hide({"password": "correct horse"})
    with current_progress.running(trial.progress):
        shop.info("signed in with %s", "correct horse")
        shop.info(JobError("No such shop."))
        try:
            raise RuntimeError("inside out")
        except RuntimeError as error:
            shop.exception("failed: %s", error)
            shop.error("%(why)s", {"why": error})
    lines = heard(trial)
    assert lines[:2] == [("info", "signed in with ••••••"), ("info", "No such shop.")]
    assert all("Something unexpected" in text for _, text in lines[2:])
    assert len(lines) == 4
    assert "inside out" not in str(lines)
