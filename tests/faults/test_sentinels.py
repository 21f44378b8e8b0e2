"""A whole installation over Redis that Sentinels watch over: log, live channel and queue."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User

from headway.web import tokens
from tests.support.installation import Installation
from tests.support.oracles import numbers, violations
from tests.support.patience import PATIENCE
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.redis_server import RedisServer
from tests.support.sentinels import Watched
from tests.support.thorough import Figure, Many
from tests.support.viewer import Viewer, statuses

BACK = 15
ANSWER = 4
"""Seconds: three are promised (docs/reliability.md)."""
SIMULATION: dict[str, Any] = {"seconds": 25, "steps": 250}


class Stage(NamedTuple):
    """An installation whose Redis Sentinels watch, and a member of staff with a token."""

    watched: Watched
    site: Installation
    person: Person
    token: str


@pytest.fixture
def stage(transactional_db: None, boss: User, many: Many) -> Iterator[Stage]:
    if not many(0, thorough=1):
        pytest.skip("takes up to a minute for each fault: pytest --thorough")
    token = tokens.issue(boss)[1]
    with (
        Watched() as watched,
        Installation(watched.servers[0], watched.url) as site,
        Person(site.web.url, token) as person,
    ):
        yield Stage(watched, site, person, token)


@pytest.mark.parametrize("fault", [RedisServer.pause, RedisServer.kill])
def test_jobs_go_on_and_new_ones_start_when_the_primary_hangs_or_dies(
    stage: Stage, fault: Callable[[RedisServer], None], record_property: Figure
) -> None:
    watched, site, person, token = stage
    jobs = [person.start(**SIMULATION) for _ in range(2)]
    viewers = [Viewer(f"{site.web.url}/jobs/{job}/events/", token, patience=20) for job in jobs]
    for viewer in viewers:
        viewer.start()
    wait_until(lambda: all(person.status(job)["status"] == "running" for job in jobs))
    old = watched.primary
    fault(old)
    begun = time.monotonic()
    jobs.append(person.start(seconds=1, steps=10))
    wait_until(lambda: moved(viewers, begun), BACK)
    record_property("bars moved again after", round(time.monotonic() - begun, 1))
    if fault is RedisServer.pause:
        old.resume()
    wait_until(
        lambda: all(person.status(job)["status"] == "succeeded" for job in jobs), 2 * PATIENCE
    )
    record_property("all had succeeded after", round(time.monotonic() - begun, 1))
    for viewer, job in zip(viewers, jobs, strict=False):
        wait_until(partial(is_done, viewer))
        assert statuses(viewer.record) == {job: "succeeded"}
        assert viewer.record.faults == []
        assert [*violations(viewer.record.messages, numbers(viewer.record.messages))] == []
    assert "Traceback" not in site.web.output


def takes_no_writes(server: RedisServer) -> None:
    """For longer than the other faults last; it answers reads, and Sentinels think it well."""
    with server.client() as client:
        client.execute_command("CLIENT PAUSE 9000 WRITE")


def is_alone(server: RedisServer) -> None:
    """It refuses writes, as it knows of no replica that would keep them."""
    server.set("min-replicas-to-write", 3)


@pytest.mark.parametrize("fault", [RedisServer.pause, RedisServer.kill, takes_no_writes, is_alone])
def test_every_click_is_answered_in_time_whatever_the_primary_does(
    stage: Stage, fault: Callable[[RedisServer], None], record_property: Figure
) -> None:
    """For ten seconds, of which a failover takes the first few."""
    watched, person = stage.watched, stage.person
    failed = person.start(seconds=0, steps=1, fail_at=1)
    wait_until(lambda: person.status(failed)["status"] == "failed")
    clicks: dict[str, Callable[[], object]] = {
        "start": lambda: person.start(**SIMULATION),
        "cancel": lambda: person.cancel(person.start(**SIMULATION)),
        "retry": lambda: person.retry(failed),
        "page": lambda: person.ask("GET", "/", headers={"Accept": "text/html"}),
    }
    took: dict[str, list[float]] = {}
    old, until = watched.primary, time.monotonic() + 10
    fault(old)
    while time.monotonic() < until:
        for name, click in clicks.items():
            begun = time.monotonic()
            click()
            took.setdefault(name, []).append(round(time.monotonic() - begun, 2))
    record_property("answers", {name: (len(all_), max(all_)) for name, all_ in took.items()})
    assert person.slowest < ANSWER, took


def moved(viewers: list[Viewer], since: float) -> bool:
    """Whether each of them has heard of progress made after that moment, and 2 s for what was on
    its way."""
    return time.monotonic() > since + 2 and all(viewer.heard > since + 2 for viewer in viewers)


def is_done(viewer: Viewer) -> bool:
    return viewer.record.done
