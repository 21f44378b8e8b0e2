"""A job that goes on from its checkpoint shows the rate at which it goes on."""

from typing import Any

import pytest

from headway.lifecycle import actions
from headway.models import Job
from tests.jobs.waiting import events, reload, until_status
from tests.support.processes import wait_until
from tests.support.stack import Worker

TRUE_RATE = 10.0


@pytest.mark.django_db(transaction=True)
def test_a_jump_to_a_checkpoint_is_no_motion(worker: Worker) -> None:
    """Nor is a first step: neither attempt shows more than a fifth too much or too little."""
    del worker
    job = actions.start("simulate", {"seconds": 20, "steps": 200})
    wait_until(lambda: reached(job, 1) >= 60)
    actions.cancel(job)
    actions.retry(until_status(job, "cancelled"))
    wait_until(lambda: reached(job, 2) >= 110)
    actions.cancel(reload(job))
    until_status(job, "cancelled")
    for attempt in (1, 2):
        told = [data for data in progresses(job, attempt) if data["rate"]]
        assert len(told) > 20
        assert all(0.8 < data["rate"] / TRUE_RATE < 1.2 for data in told)
        left = [(200 - data["current"]) / TRUE_RATE for data in told]
        assert [data["eta"] for data in told] == pytest.approx(left, rel=0.2)


def progresses(job: Job, attempt: int) -> list[dict[str, Any]]:
    """What an attempt has told of its progress, oldest first."""
    return [data for kind, data in events(job) if kind == "progress" and data["attempt"] == attempt]


def reached(job: Job, attempt: int) -> float:
    return max((data["current"] or 0 for data in progresses(job, attempt)), default=0)
