"""Starting a job whatever the broker does: an answer within three seconds, a row that says what it
waits for, and one run of it. Faults F1 to F8, F18 to F20 and F30."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.lifecycle import actions, dispatch
from headway.lifecycle.queue import OTHERS_OF_OWNER
from headway.models import Job
from headway.web import tokens
from tests.faults.crew import Crew
from tests.faults.ledger import runs
from tests.jobs.waiting import ended, events, reload, until_status
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Web
from tests.support.thorough import Figure, Many

pytestmark = pytest.mark.usefixtures("crew", "janitor")
CREW = {"JOB_LEASE": "20", "JOB_LEASE_RENEW": "5"}
ANSWER = 3.5
"""Seconds until an answer: three, and half of one for a machine that runs other tests, too."""


@pytest.fixture
def person(web: Web, crew: Crew, alice: User) -> Iterator[Person]:
    """Alice."""
    with Person(web.url, tokens.issue(alice)[1]) as somebody:
        yield somebody


def start_many(person: Person, count: int) -> list[str]:
    """Starts of that many people at one moment."""

    def start(_: int) -> str:
        with Person(person.url, person.token) as each:
            job = each.start(seconds=0.1, steps=1)
            assert each.slowest < ANSWER
        return job

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(start, range(count)))


def ran_once(jobs: list[str]) -> None:
    """Waits until the jobs have ended, and checks that each ran once."""
    assert {ended(job).status for job in jobs} == {"succeeded"}
    assert {reload(job).attempts.count() for job in jobs} == {1}
    assert Job.objects.count() == len(set(jobs)) == len(jobs)


def test_a_broker_that_refuses_delays_a_start_and_loses_none(
    person: Person, valkey: Valkey
) -> None:
    """F1"""
    valkey.kill()
    jobs = start_many(person, 5)
    assert {reload(job).status for job in jobs} == {"queued"}
    first, *_, last = Job.objects.order_by("created_at", "pk")
    for job, why in ((first, "Waiting for the queue"), (last, OTHERS_OF_OWNER)):
        page = person.ask("GET", f"/jobs/{job.pk}/", headers={"Accept": "text/html"})
        assert why in page.text
    valkey.start()
    ran_once(jobs)


def test_a_broker_that_hangs_holds_up_neither_thirty_starts_nor_anybody_else(
    person: Person, valkey: Valkey, web: Web
) -> None:
    """F2, F6, F8: more starts than connections in the pool; the loop of the streams goes on."""
    person.start(seconds=0, steps=1)  # so that there are open connections to hang on
    wait_until(lambda: Job.objects.filter(status="succeeded").exists())
    Job.objects.all().delete()
    valkey.pause()
    with ThreadPoolExecutor(1) as thread:
        starts = thread.submit(start_many, person, 30)
        while not starts.done():
            assert httpx.get(f"{web.url}/healthz", timeout=3).status_code == 200
            time.sleep(0.05)
    jobs = starts.result()
    assert Job.objects.filter(status="queued").count() == 30
    valkey.resume()
    ran_once(jobs)


def test_a_cancel_and_a_retry_are_answered_while_redis_hangs(
    person: Person, valkey: Valkey
) -> None:
    alice = User.objects.get()
    wrong = {"seconds": 0, "steps": 1, "fail_at": 1}
    failed = str(ended(actions.start("simulate", wrong, owner=alice)).pk)
    running = str(actions.start("steps", {"count": 400}, owner=alice).pk)
    queued = str(actions.start("add", {"a": 1}, owner=alice, options={"countdown": 50}).pk)
    until_status(running, "running")
    valkey.pause()
    answers = [person.cancel(queued), person.cancel(running), person.retry(failed)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert [answer.json()["status"] for answer in answers] == ["cancelled", "cancelling", "queued"]
    assert person.slowest < ANSWER
    valkey.resume()
    assert ended(running).status == "cancelled"
    assert until_status(failed, "failed").attempt == 2


def test_a_start_and_its_page_come_within_the_promise_while_redis_hangs(
    person: Person, valkey: Valkey
) -> None:
    """F2; and so does every other page, for all of which one waits."""
    warm = person.start(seconds=0, steps=1)  # so that there are connections to hang on
    person.ask("GET", f"/jobs/{warm}/")
    page = {"Accept": "text/html"}
    valkey.pause()
    begun = time.monotonic()
    job = person.start(seconds=0, steps=1)
    answer = person.ask("GET", f"/jobs/{job}/", headers=page)
    assert time.monotonic() - begun < ANSWER
    assert "Waiting for the queue" in answer.text
    begun = time.monotonic()
    for path in ("/", f"/jobs/{job}/", f"/jobs/{job}/status/", f"/jobs/{job}/row/", "/readyz"):
        assert person.ask("GET", path, headers=page).status_code in (200, 503)
    assert time.monotonic() - begun < ANSWER / 2
    valkey.resume()
    ran_once([warm, job])


def test_a_publish_that_was_given_up_and_arrives_makes_no_second_run(
    valkey: Valkey, tmp_path: Path
) -> None:
    """F3, and messages that come three times."""
    ledger = tmp_path / "ledger"
    valkey.pause()
    job = actions.start("witness", {"ledger": str(ledger), "seconds": 2})
    assert reload(job).published_at is None
    valkey.resume()
    for _ in range(3):
        dispatch.publish(job)
    done = ended(job)
    wait_until(lambda: dispatch.depth("celery") == 0)
    assert (done.status, done.attempt) == ("succeeded", 1)
    assert len(runs(ledger)) == 1


def test_a_process_that_dies_between_commit_and_publish_loses_no_job(crew: Crew) -> None:
    """F5"""
    code = (
        "import os, django; django.setup()\n"
        "from django.db import transaction\n"
        "from headway.lifecycle import actions\n"
        "with transaction.atomic():\n"
        "    transaction.on_commit(lambda: os._exit(9))\n"
        "    actions.start('simulate', {'seconds': 0, 'steps': 1})\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env={**os.environ}, check=False
    )
    assert died.returncode == 9
    assert Job.objects.get().published_at is None
    ran_once([str(Job.objects.get().pk)])


def test_ten_clicks_at_once_start_one_job(person: Person) -> None:
    """F7"""

    def click(_: int) -> str:
        with Person(person.url, person.token) as each:
            return each.start(key="once", seconds=0, steps=1)

    with ThreadPoolExecutor(10) as threads:
        started = set(threads.map(click, range(10)))
    ran_once([*started])


def test_a_key_that_has_started_another_kind_is_a_conflict(person: Person) -> None:
    """F7"""
    person.start(key="once", seconds=0, steps=1)
    headers = {"Idempotency-Key": "once"}
    files = {"file": ("a.csv", b"a,b\n1,2\n")}
    answer = person.ask("POST", "/jobs/start/import-csv/", headers=headers, files=files)
    assert answer.status_code == 422
    assert "already started a job with other parameters" in answer.text
    assert Job.objects.count() == 1


def test_workers_take_jobs_after_every_restart_of_the_broker(
    crew: Crew, valkey: Valkey, many: Many, record_property: Figure
) -> None:
    """F18: three within seconds, in the middle of a job; a canary after these and each other."""
    busy = actions.start("steps", {"count": 160})
    until_status(busy, "running")
    for pause in (0, 0.2, 1.5):
        restart(valkey, pause)
    canaries = [canary()]
    chance, others = random.Random(18), many(0, thorough=17)
    for _ in range(others):
        time.sleep(chance.uniform(1, 30))
        restart(valkey, chance.uniform(0, 2))
        canaries.append(canary())
    assert max(canaries) < 10
    record_property("restarts", 3 + others)
    record_property("slowest canary", f"{max(canaries):.1f} s")
    assert (ended(busy).status, reload(busy).attempt) == ("succeeded", 1)
    assert crew.running, crew.output[-4000:]


def restart(valkey: Valkey, pause: float) -> None:
    valkey.kill()
    time.sleep(pause)
    valkey.start()


def canary() -> float:
    """Seconds that a small job takes, from its start to its end."""
    begun = time.monotonic()
    assert ended(actions.start("add", {"a": 1})).status == "succeeded"
    return time.monotonic() - begun


def test_a_broker_that_stalls_and_goes_on_doubles_and_loses_nothing(
    valkey: Valkey, tmp_path: Path
) -> None:
    """F19, F20: connections stay open and are silent for longer than their health checks."""
    ledger = tmp_path / "ledger"
    jobs = [actions.start("steps", {"count": 10}) for _ in range(12)]
    jobs.append(actions.start("witness", {"ledger": str(ledger), "seconds": 1}))
    until_status(jobs[0], "running", "succeeded")
    valkey.pause()
    time.sleep(6)
    valkey.resume()
    ran_once([str(job.pk) for job in jobs])
    assert len(runs(ledger)) == 1


def test_a_job_goes_on_without_redis_and_its_log_catches_up(valkey: Valkey) -> None:
    """F30"""
    job = actions.start("steps", {"count": 80})
    wait_until(lambda: any(data.get("current") for _, data in events(job)))
    valkey.kill()
    time.sleep(3)
    assert reload(job).status == "running"
    valkey.start()
    back = time.monotonic()
    wait_until(lambda: any((data.get("current") or 0) > 55 for _, data in events(job)))
    assert time.monotonic() - back < 5
    assert (ended(job).status, reload(job).result) == ("succeeded", 80)
    wait_until(lambda: events(job)[-1][1]["status"] == "succeeded")
