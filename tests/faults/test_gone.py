"""Workers that are gone, which their machine knows at once: what they held is given back within
three seconds, though its lease has long to go, and nothing is taken from who lives."""

import os
import signal
import socket
import time
from collections.abc import Iterator

import pytest

from headway.lifecycle import actions, lives
from headway.lifecycle.log import log
from headway.models import Job
from tests.faults.crew import Crew, Sweeper, shown
from tests.jobs import rows
from tests.jobs.waiting import ended, reload, until_status
from tests.support.processes import wait_until
from tests.support.stack import Valkey

LEASE = {"JOB_LEASE": "40", "JOB_LEASE_RENEW": "5"}
CREW = SWEEPER = LEASE
AT_ONCE = 3 + 3
"""Seconds: what is promised, and a slow machine."""
DIED = "The worker process died"

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def other(valkey: Valkey) -> Iterator[Crew]:
    """A second worker on the same machine."""
    process = Crew(**LEASE)
    yield process
    process.kill()


def killed(crew: Crew) -> float:
    """kill -9 of a worker's parent process, and when."""
    crew.signal(signal.SIGKILL)
    return time.monotonic()


def test_the_janitor_of_the_machine_gives_back_what_a_killed_worker_held(
    crew: Crew, janitor: Sweeper
) -> None:
    again, once = actions.start("steps", {"count": 400}), actions.start("deaf", {"seconds": 60})
    wait_until(lambda: shown(again) > 5)
    until_status(once, "running")
    time.sleep(1.5)  # until the janitor has seen the worker
    at = killed(crew)
    queued = until_status(again, "queued", seconds=AT_ONCE)
    lost = until_status(once, "lost", seconds=AT_ONCE)
    assert time.monotonic() - at < AT_ONCE
    assert queued.reason == f"{DIED}. Another attempt follows"
    assert lost.reason == DIED
    wait_until(lambda: not log().who_is_alive("worker"), AT_ONCE)
    crew.kill()


def test_so_does_another_worker_where_there_is_no_janitor(crew: Crew, other: Crew) -> None:
    job = actions.start("deaf", {"seconds": 60})
    until_status(job, "running")
    other.start()
    time.sleep(2.5)  # a heartbeat
    killed(crew)
    assert until_status(job, "lost", seconds=AT_ONCE).reason == DIED
    crew.kill()


def test_a_killed_janitor_counts_as_gone_at_once(crew: Crew) -> None:
    process = Sweeper(**LEASE)
    process.start()
    name = f"{socket.gethostname()}/{process.pid}"
    # `start` is content with the note of any janitor, as that of other tests
    wait_until(lambda: name in log().who_is_alive("janitor"))
    time.sleep(2.5)
    process.kill()
    wait_until(lambda: name not in log().who_is_alive("janitor"), AT_ONCE)


def test_workers_of_the_same_name_are_not_mistaken_for_each_other(
    crew: Crew, other: Crew, janitor: Sweeper
) -> None:
    """As containers have them, and people who name their workers."""
    crew.stop()
    first = Crew(**LEASE, WORKERS="1")
    for process in (first, other):
        process.command = [part.replace("worker-$$@%h", "same@host") for part in process.command]
    first.start()
    lost = actions.start("deaf", {"seconds": 60})
    until_status(lost, "running")
    other.start()
    kept = actions.start("steps", {"count": 100})
    wait_until(lambda: shown(kept) > 5)
    names = [reload(job).worker.split("/")[0] for job in (lost, kept)]
    assert names == ["same@host", "same@host"]
    killed(first)
    until_status(lost, "lost", seconds=AT_ONCE)
    assert (ended(kept).status, reload(kept).attempt) == ("succeeded", 1)
    first.kill()


def test_a_job_that_outlives_its_workers_parent_keeps_its_lease(
    crew: Crew, janitor: Sweeper
) -> None:
    """The pool is told to die with its parent; this job does not want to hear of that."""
    job = actions.start("orphan", {"count": 120})
    wait_until(lambda: shown(job) > 5)
    time.sleep(1.5)
    killed(crew)
    done = ended(job)
    assert (done.status, done.attempt) == ("succeeded", 1)
    crew.kill()


@pytest.mark.skipif(os.getuid() != 0, reason="only root may leave the network")
def test_of_a_worker_elsewhere_nobody_here_says_that_it_is_gone(
    crew: Crew, janitor: Sweeper
) -> None:
    """A network namespace of its own, as containers have: what the machine knows, we do not."""
    crew.stop()
    far = Crew(JOB_LEASE="8", JOB_LEASE_RENEW="1")
    far.command = ["unshare", "--net", *far.command]
    far.start()
    job = actions.start("deaf", {"seconds": 60})
    until_status(job, "running")
    time.sleep(1.5)
    at = killed(far)
    assert until_status(job, "lost", seconds=30).reason.startswith("The worker disappeared")
    assert time.monotonic() - at > 5
    far.kill()


def test_a_worker_that_ends_in_order_leaves_nothing_to_give_back(
    crew: Crew, janitor: Sweeper
) -> None:
    job = actions.start("counts", {"ledger": os.devnull, "count": 200})
    wait_until(lambda: shown(job) > 5)
    crew.stop()
    crew.start()
    done = ended(job)
    reasons = {*done.attempts.exclude(status="succeeded").values_list("reason", flat=True)}
    assert (done.status, reasons) == ("succeeded", {"The worker was shut down"})


def test_what_cannot_be_given_back_yet_is_given_back_later(
    valkey: Valkey,
) -> None:
    """A look that fails, here since Redis hangs, is repeated by the next."""
    shown_by = lives.Life()
    shown_by.begin()
    name = shown_by.name
    job, _ = rows.running()
    rows.changed(job, worker=f"somebody@host/{name}/1")
    monitor = lives.Monitor()
    monitor.look()
    shown_by._shown.close()
    valkey.pause()
    try:
        monitor.look()
    finally:
        valkey.resume()
    monitor.look()
    assert Job.objects.get(pk=job.pk).reason == DIED
    assert name not in monitor._seen
