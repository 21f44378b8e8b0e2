"""/metrics: who may read it, that its numbers are true, and that no scrape waits for them."""

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed
from pytest_django import Settings

from headway.lifecycle import announce, census
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.stream.tally import KNOWN
from tests.http.conftest import Moving
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Web

ROOT = Path(configured.BASE_DIR)
TOKEN = configured.HEADWAY["METRICS_TOKEN"]
ALLOWED = {"Authorization": f"Bearer {TOKEN}"}
ELSEWHERE = "10.1.2.3:8000"
NAME = re.compile(r"\b(?:headway|process)_[a-z_]+\b")
SLACK = 4.0
"""Seconds beside the one that is promised, on a busy machine."""
Samples = dict[tuple[Any, ...], float]


def samples(text: str) -> Samples:
    """Values by name and those of the labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in parsed(text)
        for sample in family.samples
    }


def scrape(client: Client, *parts: str) -> Samples:
    """The first answer in which these parts are up: a busy machine may be late."""

    def ask() -> Samples | None:
        answer = client.get("/metrics", headers=ALLOWED)
        assert answer.status_code == 200
        found = samples(answer.content.decode())
        return found if all(found["headway_part_up", part] for part in parts) else None

    found = wait_until(ask)
    assert found is not None
    return found


@pytest.fixture
def history(transactional_db: None, valkey: Valkey) -> None:
    """Jobs in each state that is counted, and who is there."""
    for role in ("worker", "janitor"):
        for name in log().who_is_alive(role):
            log().gone(role, name)
    now, queue = timezone.now(), {"kind": "simulate", "queue": "celery"}

    def ago(seconds: float) -> Any:
        return now - timedelta(seconds=seconds)

    def make(status: Status, created: float, **columns: Any) -> Job:
        job = Job.objects.create(status=status, title="x", **queue, **columns)
        Job.objects.filter(pk=job.pk).update(created_at=ago(created))
        return job

    make(Status.QUEUED, 100)
    make(Status.QUEUED, 50, not_before=ago(20))
    make(Status.QUEUED, 500, not_before=ago(-500))
    make(Status.RUNNING, 10, started_at=now, attempt=1)
    make(Status.SUCCEEDED, 64, started_at=ago(60), finished_at=ago(58))
    make(Status.SUCCEEDED, 9000, not_before=ago(60.2), started_at=ago(60), finished_at=ago(59.2))
    make(Status.CANCELLED, 9000, finished_at=ago(30))
    make(Status.FAILED, 9000, started_at=ago(8000), finished_at=ago(7000))
    log().alive("worker", "a@here", {"queues": ["celery", "slow"], "processes": 2})
    log().alive("worker", "b@here", {"queues": ["celery"], "processes": 4})
    log().alive("janitor", "here", {})


def test_without_a_token_there_is_no_such_address(client: Client, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"METRICS_TOKEN": ""}
    for headers in ({}, ALLOWED, {"Authorization": "Bearer "}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_only_the_token_opens_it(client: Client) -> None:
    for given in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"):
        refused = client.get("/metrics", headers={"Authorization": given})
        assert (refused.status_code, refused["WWW-Authenticate"][:6]) == (401, "Bearer")
        assert b"headway" not in refused.content
    assert client.post("/metrics", headers=ALLOWED).status_code == 405


@pytest.mark.usefixtures("history")
def test_jobs_queues_and_workers_are_counted(client: Client) -> None:
    found = scrape(client, "database", "redis", "stalled")
    assert found["headway_jobs", "simulate", "queued"] == 3
    assert found["headway_jobs", "simulate", "running"] == 1
    assert ("headway_jobs", "simulate", "succeeded") not in found
    assert found["headway_queue_jobs", "celery"] == 2
    assert found["headway_queue_scheduled_jobs", "celery"] == 1
    assert 100 <= found["headway_queue_oldest_job_age_seconds", "celery"] < 100 + PATIENCE
    assert found["headway_recent_jobs", "simulate", "succeeded"] == 2
    assert found["headway_recent_jobs", "simulate", "cancelled"] == 1
    assert ("headway_recent_jobs", "simulate", "failed") not in found
    assert (found["headway_workers",], found["headway_worker_processes",]) == (2, 6)
    assert found["headway_queue_workers", "celery"] == 2
    assert found["headway_queue_workers", "slow"] == 1
    assert found["headway_janitors",] == 1
    waits, runs = "headway_recent_jobs_wait_seconds", "headway_recent_jobs_run_seconds"
    for le, waited, ran in (("0.1", 0, 0), ("0.5", 1, 0), ("1.0", 1, 1), ("5.0", 2, 2)):
        assert found[f"{waits}_bucket", "simulate", le] == waited
        assert found[f"{runs}_bucket", "simulate", le] == ran
    assert found[f"{runs}_bucket", "simulate", "+Inf"] == found[f"{runs}_gcount", "simulate"] == 2
    assert found[f"{runs}_gsum", "simulate"] == pytest.approx(2.8)


def test_a_stalled_job_is_counted(client: Client, moving: Moving, settings: Settings) -> None:
    """By the limit of now, whatever it was when the job wrote."""
    announce.state(moving.job.pk)
    settings.HEADWAY = settings.HEADWAY | {"JOB_STALLED_AFTER": 1}
    assert wait_until(lambda: scrape(client, "stalled").get(("headway_jobs_stalled", "simulate")))


def test_a_redis_that_hangs_holds_up_no_scrape(
    client: Client, valkey: Valkey, transactional_db: None
) -> None:
    valkey.pause()
    try:
        begun = time.monotonic()
        client.get("/metrics", headers=ALLOWED)
        assert time.monotonic() - begun < 1 + SLACK
        found = scrape(client, "database")
    finally:
        valkey.resume()
    assert found["headway_part_up", "redis"] == found["headway_part_up", "stalled"] == 0
    assert ("headway_workers",) not in found
    scrape(client, "redis", "stalled")


def forget_statistics(cursor: Any) -> None:
    """Of a janitor before this test: of a short history SQLite would read all, and be right."""
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'")
    if cursor.fetchone():
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_master")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="another form of plan")
@pytest.mark.usefixtures("history")
def test_no_query_reads_the_whole_history() -> None:
    with CaptureQueriesContext(connection) as asked:
        census._jobs()
        census._stalled()
    assert len(asked) == 4
    with connection.cursor() as cursor:
        forget_statistics(cursor)
        for query in asked:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[-1] for row in cursor.fetchall()]
            assert [step for step in plan if step.startswith("SCAN")] == [], plan
            assert any("USING INDEX job_" in step for step in plan), plan


@pytest.fixture
def text(history: None, client: Client) -> str:
    """A whole answer, as OpenMetrics and whatever the Host."""
    scrape(client, "database", "redis", "stalled")
    headers = ALLOWED | {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = client.get("/metrics", headers=headers | {"Host": ELSEWHERE})
    assert answer["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    return answer.content.decode()


def test_the_table_of_metrics_is_what_is_exposed(text: str) -> None:
    page = (ROOT / "docs/operations.md").read_text().split("\n## Metrics\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(headway_\w+)` \| ([\w ]+) \| (.*?) ?\| ", page, re.MULTILINE)
    table = {name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in rows}
    kinds = {"gaugehistogram": "gauge histogram"}
    exposed = {}
    for family in openmetrics.text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        if name.startswith("headway_"):
            exposed[name] = (kinds.get(family.type, family.type), labels)
    assert exposed.pop("headway_jobs_stalled") == ("gauge", set())  # no job is
    assert table.pop("headway_jobs_stalled") == ("gauge", {"kind"})
    assert exposed == table
    assert [name for name in table if "_id" in name] == []
    assert {label for _, labels in table.values() for label in labels} <= {
        *("kind", "status", "queue", "part", "way", "phase", "reason", "result")
    }


def test_dashboard_and_alerts_use_only_names_that_are_exposed(client: Client, text: str) -> None:
    exposed = {
        name for name, *_ in samples(client.get("/metrics", headers=ALLOWED).content.decode())
    }
    exposed.add("headway_jobs_stalled")  # no job is
    board = json.loads((ROOT / "deploy/grafana/headway.json").read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    alerts = (ROOT / "deploy/prometheus/alerts.yml").read_text()
    rules = re.findall(r"expr: (.+(?:\n {10}.+)*)", alerts)
    assert len(rules) == alerts.count("- alert: ")
    assert len(queries) >= len(board["panels"]) > 10
    used = [{*NAME.findall(each)} for each in (*queries, *rules)]
    assert all(used)
    assert set().union(*used) - exposed == set()


def test_every_number_of_streams_is_exposed(text: str) -> None:
    assert sum(len(known.labels) for known in KNOWN.values()) == len(
        [line for line in text.splitlines() if re.match(r"headway_streams_(?!max)", line)]
    )


def test_an_open_stream_moves_the_numbers_of_its_process(
    web: Web, program: httpx.Client, moving: Moving
) -> None:
    def ask() -> Samples:
        return samples(program.get("/metrics", headers=ALLOWED).text)

    assert wait_until(lambda: ask()["headway_streams_open", "handed_over"] == 0)
    before = ask()
    with program.stream("GET", f"{moving.path}events/") as stream:
        lines = stream.iter_lines()
        while not next(lines).startswith("event: snapshot"):
            pass
        assert wait_until(lambda: ask()["headway_streams_phase", "live"] == 1)
        during = ask()
        assert during["headway_streams_open", "handed_over"] == 1
        moving.move(42)
        while '"percent":42' not in next(lines):
            pass
    assert wait_until(lambda: ask()["headway_streams_open", "handed_over"] == 0)
    after = ask()
    opened = "headway_streams_opened_total", "handed_over"
    assert after[opened] == before[opened] + 1
    name = "headway_streams_sent_bytes_total", "handed_over"
    assert before[name] < during[name] < after[name]
    events = ("headway_streams_sent_events_total",)
    assert after[events] == during[events] + 1
    program.get(f"{moving.path}events/?poll=1", headers={"Last-Event-ID": "1"})
    assert resumed(ask()) == resumed(before) + 1


def resumed(found: Samples) -> float:
    return sum(value for (known, *_), value in found.items() if "resumed_total" in known)
