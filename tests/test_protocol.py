"""docs/protocol.md says what the code makes and what a real job sends."""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from jsonschema import Draft202012Validator, FormatChecker

from jobs import actions, announce, lease
from jobs.models import TERMINAL, Attempt, Job, Status
from jobs.snapshots import snapshot, state
from jobs.streams import log
from progress.stream import Log, Reporter, keys
from progress.stream.event import KINDS
from progress.stream.sse import Decoder, Message
from tests.stream.conftest import written
from tests.support.stack import Valkey, Web, Worker
from tests.support.users import session_of

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/protocol.md").read_text()
ODD_NUMBERS = (0, 1, -1, 0.5, 7e20, 10**400, True, "3", "x", None, float("nan"), float("inf"), [])
ODD_TEXTS = ("", "a\r\nb\rc", "\0", "\ud800", "<b>", "é" * 3000, "x" * 1_000_000, None, 5)

formats = FormatChecker(formats=("uuid",))


@formats.checks("date-time", raises=ValueError)
def is_in_utc(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).utcoffset() == timedelta(0)


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def closed(schema: dict[str, Any]) -> Draft202012Validator:
    """The schema, but what it does not name is an error: the page names all that is sent."""
    Draft202012Validator.check_schema(schema)
    strict = {"additionalProperties": False} if "properties" in schema else {}
    return Draft202012Validator(schema | strict, format_checker=formats)


SCHEMAS = {schema["title"]: closed(schema) for schema in map(json.loads, blocks("json"))}


def valid(event: str, data: Any) -> None:
    SCHEMAS[event].validate(json.loads(json.dumps(data, allow_nan=False)))


def valid_message(message: Message) -> None:
    valid(message.event, message.data if message.event == "done" else json.loads(message.data))


def kept(_: Mapping[str, Any]) -> bool:
    return True


@pytest.fixture
def job(transactional_db: None, alice: User, valkey: Valkey) -> Job:
    """A queued job with a log, of which no worker is told."""
    del transactional_db, valkey
    made = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(made)
    return made


@pytest.fixture
def client(web: Web, transactional_db: None, alice: User) -> Iterator[httpx.Client]:
    """Alice's client."""
    del transactional_db
    cookies = {settings.SESSION_COOKIE_NAME: session_of(alice)}
    with httpx.Client(base_url=web.url, cookies=cookies, timeout=20) as opened:
        yield opened


Follow = Callable[..., list[Message]]


@pytest.fixture
def follow(client: httpx.Client) -> Follow:
    """Reads a stream until an event of a kind has come, each frame valid; returns the messages."""

    def read(url: str, until: str, **query: Any) -> list[Message]:
        got: list[Message] = []
        decoder = Decoder()
        with client.stream("GET", url, params=query) as response:
            assert response.status_code == 200
            for piece in response.iter_bytes():
                assert decoder.retry is not None or piece.startswith(b"retry: ")
                for message in decoder.feed(piece):
                    valid_message(message)
                    got.append(message)
                    if message.event == until:
                        return got
        raise AssertionError(f"the stream ended without {until}: {got}")

    return read


# The page and the code


def test_every_event_that_the_code_sends_has_a_schema_and_nothing_else_has() -> None:
    source = "\n".join(path.read_text() for path in ROOT.glob("progress/stream/*.py"))
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


def test_the_limits_are_those_of_the_code() -> None:
    rows = re.findall(r"^\|[^|]+\| (\d+) \| `([\w.]+)\.(\w+)` \|$", PAGE, re.MULTILINE)
    assert len(rows) > 5
    for number, module, name in rows:
        home = settings if module.endswith("settings") else import_module(module)
        assert getattr(home, name) == int(number), name


@pytest.mark.parametrize("status", Status)
def test_states_and_snapshots_of_every_status_are_valid(db: None, status: Status) -> None:
    del db
    job = Job.objects.create(kind="simulate", title="S" * 200, status=status, reason="r" * 500)
    valid("state", state(job))
    valid("snapshot", snapshot(job))
    now = datetime.now(UTC)
    job.attempt, job.started_at, job.finished_at = 3, now - timedelta(hours=2), now
    job.percent, job.current, job.total, job.message = 41.5, 3.0, 7.25, "m" * 500
    job.result, job.files = {"rows": [1, None, {"a": "b"}]}, ["rejects.csv"]
    valid("state", state(job))
    reporter = Reporter(Log("unix:///nowhere"), str(job.pk), 3, renew=kept)
    reporter.update(1, 3, "x")
    valid("snapshot", snapshot(job, reporter.progress()))
    assert (state(job).get("percent") == 100) == (status == Status.SUCCEEDED)


@pytest.mark.parametrize("total", ODD_NUMBERS)
def test_progress_is_valid_whatever_a_task_reports(total: Any) -> None:
    reporter = Reporter(Log("unix:///nowhere"), str(uuid.uuid4()), 1, renew=kept)
    for text in ODD_TEXTS:
        reporter.phase(text, total)  # type: ignore[arg-type]  # tasks pass anything
        for current in ODD_NUMBERS:
            reporter.update(current, total, text)
            valid("progress", reporter.progress())
            reporter.advance(current)
            valid("progress", reporter.progress())


def test_lines_warnings_and_output_are_valid_whatever_a_task_writes(valkey: Valkey) -> None:
    job, writer = str(uuid.uuid4()), Log(valkey.url)
    reporter = Reporter(writer, job, 1, renew=kept)
    for text in ODD_TEXTS:
        reporter.log(text)
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


def test_a_failure_is_told_by_a_valid_error_and_then_its_state(valkey: Valkey, job: Job) -> None:
    attempt = lease.claim(job.pk, "a test")
    assert attempt is not None
    lease.settle(attempt, Status.FAILED, lease.Traces(), reason="r" * 500)
    events = written(valkey, str(job.pk))
    for event, data in events:
        valid(event, data)
    assert [(event, data.get("status")) for event, data in events] == [
        ("state", "queued"),
        ("state", "running"),
        ("error", None),
        ("state", "failed"),
    ]


# The page and the wire


def test_a_client_without_a_cursor_gets_a_snapshot_that_carries_one(
    follow: Follow, job: Job
) -> None:
    [first] = follow(f"/jobs/{job.pk}/events/", "snapshot")
    assert int(first.id) > 10**15
    [named] = follow("/jobs/events/", "snapshot", job=job.pk)
    [mine] = follow("/jobs/events/", "snapshot")
    assert {json.loads(each.data)["job"] for each in (first, named, mine)} == {str(job.pk)}


@pytest.mark.parametrize("cursor", ["garbage", "9" * 18, "9" * 19, "-1", "1.5", "٣"])
def test_a_cursor_that_is_none_of_ours_is_told_so_on_every_endpoint(
    follow: Follow, job: Job, cursor: str
) -> None:
    for url, query in (
        (f"/jobs/{job.pk}/events/", {}),
        ("/jobs/events/", {"job": job.pk}),
        ("/jobs/events/", {}),
    ):
        resync, _ = follow(url, "snapshot", cursor=cursor, **query)
        assert json.loads(resync.data)["reason"] == "unknown"


def test_a_cursor_before_a_trimmed_log_is_told_so(follow: Follow, valkey: Valkey, job: Job) -> None:
    lease.claim(job.pk, "a test")
    with valkey.client() as redis:
        assert redis.xtrim(keys.log(str(job.pk)), maxlen=1, approximate=False) == 1
    resync, _ = follow(f"/jobs/{job.pk}/events/", "snapshot", cursor=5)
    assert json.loads(resync.data)["reason"] == "trimmed"


def test_a_log_that_redis_lost_is_told_with_a_snapshot_from_the_database(
    follow: Follow, valkey: Valkey, job: Job
) -> None:
    cursor = log().read([str(job.pk)]).cursor
    valkey.flush()
    resync, current = follow(f"/jobs/{job.pk}/events/", "snapshot", cursor=cursor)
    assert json.loads(resync.data)["reason"] == "lost"
    assert json.loads(current.data)["elapsed"] is None


def test_a_silent_stream_sends_what_was_asked_for(valkey: Valkey, alice: User, job: Job) -> None:
    web = Web(STREAM_KEEPALIVE="1")
    web.start()
    cookies = {settings.SESSION_COOKIE_NAME: session_of(alice)}
    for query, sign in (("?heartbeat", b"event: heartbeat"), ("", b": keepalive")):
        url = f"{web.url}/jobs/{job.pk}/events/{query}"
        with httpx.stream("GET", url, cookies=cookies, timeout=20) as response:
            assert any(piece.startswith(sign) for piece in response.iter_bytes())
    web.stop()


@pytest.mark.parametrize("fail_at", [None, 60])
def test_a_real_job_sends_valid_frames_from_its_first_block_to_done(
    worker: Worker, follow: Follow, alice: User, fail_at: float | None
) -> None:
    del worker
    params = {"seconds": 1, "steps": 20, "phases": 2, "fail_at": fail_at}
    job = actions.start("simulate", params, owner=alice)
    got = follow(f"/jobs/{job.pk}/events/", "done", heartbeat="")
    ids = [int(message.id) for message in got if message.event in KINDS]
    assert ids == sorted(set(ids))
    kinds = [message.event for message in got]
    assert {"state", "progress", "log", "warning"} <= {*kinds}
    assert kinds[-2:] == ["state", "done"]
    last = json.loads(got[-2].data)
    assert last["status"] == ("failed" if fail_at else "succeeded")
    assert last["status"] in TERMINAL
    assert ("error" in kinds) == bool(fail_at)
    assert Attempt.objects.get(job=job).number == last["attempt"] == 1
    [again] = follow(f"/jobs/{job.pk}/events/", "done", cursor=got[-2].id)
    assert again.event == "done"
