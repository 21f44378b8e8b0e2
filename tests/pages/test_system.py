"""The system page: who works, what waits, and what nobody serves."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from headway.lifecycle.log import log
from headway.lifecycle.remembered import Remembered
from headway.models import Status
from headway.web import system, system_page
from headway.web.lanes import Block, lanes, placed
from tests.pages.conftest import MakeJob

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
percent = st.floats(-20, 120)


@given(st.lists(st.tuples(percent, percent), max_size=40), st.integers(0, 40))
def test_blocks_on_a_lane_do_not_cover_each_other(
    times: list[tuple[float, float]], slots: int
) -> None:
    blocks = [
        Block(min(both), max(both), "failed", "<a> & b", "/x/", f"b{n}")
        for n, both in enumerate(times)
    ]
    for lane in placed(blocks):
        assert all(one.end <= other.begin for one, other in itertools.pairwise(lane))
    svg, left_out = lanes("All", blocks, slots)
    drawn = [*ElementTree.fromstring(svg).iter("a")]  # noqa: S314 - just made
    assert len(drawn) + left_out == len(blocks)
    for each in drawn:
        rect = each.find("rect")
        assert rect is not None
        x, width = (float(rect.attrib[name][:-1]) for name in ("x", "width"))
        assert -0.01 <= x <= x + width <= 100.01


def test_it_is_for_those_who_may_browse(alices: Client, client: Client, boss: User) -> None:
    assert alices.get("/jobs/system/").status_code == 404
    assert client.get("/jobs/system/").status_code == 302
    client.force_login(boss)
    assert client.get("/jobs/system/").status_code == 200
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    assert client.get("/jobs/system/").status_code == 404


@pytest.mark.django_db(transaction=True)  # it is counted over a connection of its own
def test_workers_have_lanes_and_queues_that_nobody_serves_are_red(
    staffs: Client, make_job: MakeJob
) -> None:
    now = timezone.now()
    log().alive("worker", "one@here", {"queues": ["celery"], "processes": 2, "life": "x"}, 60)
    log().alive("janitor", "two@here", {}, 60)
    running = make_job(worker="one@here/x/11", started_at=now - timedelta(minutes=3))
    make_job(worker="gone@here/y/12", title="Orphan")
    ended = make_job(
        Status.FAILED,
        worker="one@here/x/11",
        started_at=now - timedelta(minutes=20),
        finished_at=now - timedelta(minutes=10),
    )
    make_job(Status.QUEUED, queue="slow")
    page = staffs.get("/jobs/system/").content.decode()
    lane = page[page.index("one@here</bdi>") :]
    assert "1 of 2 slots busy" in lane
    assert f'id="block-{ended.pk}"' in lane
    assert f'id="now-{running.pk}"' in lane
    assert page.index("gone@here") < page.index("one@here</bdi>")
    assert "not heard from" in page
    row = page[page.index('<tr class="alarm"') :]
    assert row.index("slow") < row.index("No worker")
    assert page.count('<tr class="alarm"') == 1
    part = staffs.get("/jobs/system/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div class="system"')


def test_it_says_what_it_does_not_know(staffs: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    known = system.numbers()
    away = known._replace(census=known.census._replace(present=None, jobs=None), redis=None)
    monkeypatch.setattr(system_page, "numbers", lambda: away)
    page = staffs.get("/jobs/system/").content.decode()
    assert "Redis does not answer: who works is not known." in page
    assert "The database does not answer in time." in page
    assert ">away" in page


def test_charts_of_an_hour_add_up() -> None:
    def row(began: float, ended: float | None, status: str = "succeeded") -> system.Row:
        start = NOW - timedelta(minutes=began)
        end = None if ended is None else NOW - timedelta(minutes=ended)
        queued = start - timedelta(seconds=5)
        return system.Row(began, "T", "k", status, "w/x/1", queued, start, end, "alice")

    jobs = system.Seen([row(1, None, "running")], [row(59, 1), row(70, 50), row(2, 1)], NOW, True)
    ended = system_page._ended(jobs)
    assert sum(int(cell) for line in ended.rows for cell in line[1:]) == 3
    busy = system_page._busy(jobs)
    assert busy.title.endswith("at once at most")
    assert "5.0 s" in system_page._waited(jobs).title


def test_an_answer_is_asked_for_once_in_its_time() -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return len(asked)

    known: Remembered[int] = Remembered(60, most=2)
    assert [known.get(key, ask) for key in (1, 1, 2, 1, 3, 2)] == [1, 1, 2, 1, 3, 4]
    known.forget()
    assert known.get(3, ask) == 5
    brief: Remembered[Any] = Remembered(0)
    assert brief.get("", ask) != brief.get("", ask)
