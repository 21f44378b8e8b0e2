"""The same failure is the same cause, whatever numbers and names are in its text."""

import traceback
from typing import Any

import pytest

from headway.lifecycle import causes, lease
from headway.lifecycle.causes import CAUSE, last_line
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from tests.jobs import rows

HIDDEN = "Something unexpected went wrong. Look it up by the reference ABCD2345"


def fingerprint(reason: str, error: str = "") -> str:
    return causes.fingerprint("add", reason, error)


def trace(failing: Any, *given: Any) -> str:
    try:
        failing(*given)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return "".join(traceback.format_exception(error))
    raise AssertionError("it did not fail")


def as_number(text: str) -> int:
    return int(text)


def as_amount(text: str) -> int:
    return int(text)


def says(text: str) -> None:
    raise ValueError(text)


def behind(text: str) -> None:
    try:
        as_number(text)
    except ValueError as error:
        raise RuntimeError("Row 7 of orders.csv") from error


def together(text: str) -> None:
    try:
        as_number(text)
    except ValueError as error:
        raise ExceptionGroup("several", [KeyError(1), error]) from None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Row 18,204: amount 'x' is not a number", "Row 7: amount 'yy' is not a number"),
        ("It did not stop within 30 s", "It did not stop within 5.5 s"),
        ("No file /tmp/a/b.csv", "No file /srv/c.csv"),
        ("Look it up by the reference ABCD2345", "Look it up by the reference WXYZ6789"),
        ("Job 123e4567-e89b-12d3-a456-426614174000 is gone", "Job 0x7f3a is gone"),
    ],
)
def test_what_differs_from_job_to_job_does_not_count(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)
    assert CAUSE.fullmatch(fingerprint(one))


def test_errors_are_told_apart_by_type_and_place() -> None:
    first, again = trace(as_number, "abc"), trace(as_number, "x\ny")
    assert fingerprint(HIDDEN, first) == fingerprint(HIDDEN, again)
    others = [
        trace(as_amount, "abc"),
        trace(behind, "abc"),
        trace(says, "something else"),
        trace(says, "of two\nlines"),
    ]
    assert len({fingerprint(HIDDEN, each) for each in [first, *others]}) == 5
    assert fingerprint(HIDDEN, trace(together, "z")) == fingerprint(HIDDEN, first)
    assert causes.fingerprint("other", HIDDEN, first) != fingerprint(HIDDEN, first)
    late = "Took longer than 5 s"
    assert fingerprint(late, first) == fingerprint(late, others[1]) == fingerprint(late)


def test_no_more_of_a_text_is_looked_at_than_is_soon_done() -> None:
    """Fifty thousand opening quotes took twenty seconds."""
    long = "“" * causes.LOOKED_AT
    assert fingerprint(f"{long}” one") == fingerprint(f"{long}” two")


def test_the_last_line_is_that_of_the_exception() -> None:
    assert last_line(trace(behind, "x")) == "RuntimeError: Row 7 of orders.csv"
    assert last_line(trace(says, "one\nTraceback of another")) == "ValueError: one"
    assert last_line("") == last_line("no traceback at all") == ""


def test_a_job_has_a_cause_while_it_is_failed_or_lost(db: None) -> None:
    job, attempt = rows.running()
    assert lease.settle(attempt, Status.FAILED, Traces(), reason="Row 7 is bad")
    assert Job.objects.get(pk=job.pk).cause == fingerprint("Row 8 is bad")
    rows.changed(job, **lease.QUEUED_AGAIN, max_attempts=2)
    assert Job.objects.get(pk=job.pk).cause is None
    again = lease.claim(job.pk, "worker@test/2")
    assert again is not None
    assert lease.abandon(job.pk, "The worker process died")
    assert Job.objects.get(pk=job.pk).cause == fingerprint("The worker process died")
    good, attempt = rows.running()
    assert lease.settle(attempt, Status.SUCCEEDED, Traces())
    assert Job.objects.get(pk=good.pk).cause is None
