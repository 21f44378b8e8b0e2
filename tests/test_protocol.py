"""docs/protocol.md says what the code makes."""

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from headway.conf import conf
from headway.lifecycle import announce, lease
from headway.lifecycle.snapshots import snapshot, state
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from headway.stream import Log, Reporter
from headway.stream.event import KINDS, LEVELS, progress_of
from headway.stream.sse import Decoder
from tests.stream.conftest import written
from tests.support.protocol import (
    PAGE,
    SCHEMAS,
    SOCKET,
    blocks,
    valid,
    valid_frame,
    valid_message,
)
from tests.support.stack import Valkey

ODD_NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 0.5, 7e20, 10**400, True, "3", "x", None, []),
    *(float("nan"), float("inf")),
)
ODD_TEXTS = ("", "a\r\nb\rc", "\0", "\ud800", "<b>", "é" * 3000, "x" * 1_000_000, None, 5)


@pytest.fixture
def alices(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_every_event_that_the_code_sends_has_a_schema_and_nothing_else_has() -> None:
    engine = Path(settings.BASE_DIR).glob("headway/stream/*.py")
    source = "\n".join(path.read_text() for path in engine)
    named = re.findall(r'event="(\w+)"|b"event: (\w+)', source)
    assert KINDS | {"".join(names) for names in named} == SCHEMAS.keys()
    assert {"snapshot", "resync", "heartbeat", "done"} <= SCHEMAS.keys()


def test_every_example_decodes_and_is_valid() -> None:
    shown = set()
    for example in blocks("sse"):
        for message in Decoder().feed(f"{example}\n".encode()):
            valid_message(message)
            shown.add(message.event)
    assert {"progress", "state", "resync", "snapshot", "heartbeat", "done"} <= shown


def test_every_message_of_a_websocket_is_valid() -> None:
    shown = [line for example in blocks("ws") for line in example.splitlines()]
    for line in shown:
        sender, message = line[0], json.loads(line[2:])
        valid_frame(message) if sender == "<" else SOCKET[message["type"]].validate(message)
    assert {line[0] for line in shown} == {"<", ">"}


def test_the_headers_of_a_stream_are_those_of_the_page(valkey: Valkey, alices: Client) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=User.objects.get())
    answer = alices.get(f"/jobs/{job.pk}/events/")
    [headers] = blocks("http")
    for line in headers.splitlines():
        name, _, value = line.partition(": ")
        assert answer[name] == value


def test_a_refusal_is_the_problem_of_the_page(alices: Client) -> None:
    wrong = {"seconds": 1, "steps": "many", "phases": 1}
    answer = alices.post("/jobs/start/simulate/", wrong, content_type="application/json")
    [problem] = blocks("json5")
    assert answer.json() == json.loads(problem)


def test_the_limits_are_those_of_the_code() -> None:
    rows = re.findall(r"^\|[^|]+\| (\d+) \| `([\w.]+)\.(\w+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) > 5
    for number, module, name in rows:
        home = conf if module == "headway.conf" else import_module(module)
        assert getattr(home, name) == int(number), name


@pytest.mark.parametrize("status", Status)
def test_states_and_snapshots_of_every_status_are_valid(db: None, status: Status) -> None:
    del db
    job = Job.objects.create(kind="simulate", title="S" * 200, status=status, reason="r" * 500)
    valid("state", state(job))
    valid("snapshot", snapshot(job))
    valid("progress", progress_of(snapshot(job)))
    now = datetime.now(UTC)
    job.attempt, job.started_at, job.finished_at = 3, now - timedelta(hours=2), now
    job.percent, job.current, job.total, job.message = 41.5, 3.0, 7.25, "m" * 500
    job.result, job.files = {"rows": [1, None, {"a": "b"}]}, ["rejects.csv"]
    valid("state", state(job))
    reporter = Reporter(Log("unix:///nowhere"), str(job.pk), 3)
    reporter.update(1, 3, "x")
    shown = snapshot(job, reporter.progress())
    valid("snapshot", shown)
    valid("progress", progress_of(shown))
    assert (state(job).get("percent") == 100) == (status == Status.SUCCEEDED)


@pytest.mark.parametrize("total", ODD_NUMBERS)
def test_progress_is_valid_whatever_a_task_reports(total: Any) -> None:
    reporter = Reporter(Log("unix:///nowhere"), str(uuid.uuid4()), 1)
    for text in ODD_TEXTS:
        reporter.phase(text, total)  # type: ignore[arg-type]  # tasks pass anything
        for current in ODD_NUMBERS:
            reporter.update(current, total, text)
            valid("progress", reporter.progress())
            reporter.advance(current)
            valid("progress", reporter.progress())


def test_lines_warnings_and_output_are_valid_whatever_a_task_writes(valkey: Valkey) -> None:
    job, writer = str(uuid.uuid4()), Log(valkey.url)
    reporter = Reporter(writer, job, 1)
    for text in ODD_TEXTS:
        for level in (*LEVELS, text, 30):
            reporter.log(text, level)
        reporter.warn(text, text)
        reporter.output(text)
    reporter.start()
    reporter.stop()
    events = written(valkey, job)
    for event, data in events:
        valid(event, data)
        json.dumps(data, ensure_ascii=False).encode()  # no lone surrogates: pages are UTF-8
    assert {event for event, _ in events} == {"log", "warning", "output", "progress"}
    writer.close()


def test_a_failure_is_told_by_a_valid_error_and_then_its_state(
    valkey: Valkey, transactional_db: None
) -> None:
    del transactional_db
    job = Job.objects.create(kind="simulate", title="Simulate")
    announce.created(job)
    attempt = lease.claim(job.pk, "a test")
    assert attempt is not None
    lease.settle(attempt, Status.FAILED, Traces(), reason="r" * 500)
    events = written(valkey, str(job.pk))
    for event, data in events:
        valid(event, data)
    assert [(event, data.get("status")) for event, data in events] == [
        ("state", "queued"),
        ("state", "running"),
        ("error", None),
        ("state", "failed"),
    ]
