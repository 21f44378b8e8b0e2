"""What stands between: a proxy that buffers and compresses, a clock that jumps, a wrong host."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job
from headway.stream import Event
from headway.stream.sse import Decoder
from headway.web import tokens
from tests.support.caddy import Caddy
from tests.support.nginx import Nginx, as_documented, by_default
from tests.support.person import Person
from tests.support.processes import Process, wait_until
from tests.support.programs import program
from tests.support.stack import Valkey, Web
from tests.support.viewer import Viewer
from tests.ws.client import Client

EVERY = 0.1


@pytest.fixture
def job(transactional_db: None, valkey: Valkey, alice: User) -> Job:
    made = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(made)
    return made


@pytest.fixture
def token(job: Job, alice: User) -> str:
    return tokens.issue(alice)[1]


def say(job: Job, text: str) -> None:
    data = {"job": str(job.pk), "attempt": 1, "text": text}
    log().append(str(job.pk), Event("log", data), attempt=1)


def test_nginx_with_its_defaults_passes_each_event_on_at_once(
    web: Web, job: Job, token: str
) -> None:
    assert latest(Nginx(web.port, by_default), job, token) < 1


def test_nginx_as_documented_does_so_while_another_web_process_is_away(
    web: Web, job: Job, token: str
) -> None:
    assert latest(Nginx(web.port, as_documented), job, token) < 1


def test_caddy_as_documented_does_so_too_and_takes_uploads_and_websockets(
    web: Web, job: Job, token: str
) -> None:
    large = b"name,age\n" + b"Ada,36\n" * 600_000  # 4.2 MB
    caddy = Caddy(web.port)
    with running(caddy), Person(caddy.url, token) as person:
        assert slowest(caddy.url, job, token) < 1
        file = {"file": ("people.csv", large, "text/csv")}
        # One of two processes is away, which it finds out within a second
        wait_until(lambda: person.ask("POST", "/me/").status_code != 502)
        answers = [person.ask("POST", "/jobs/start/import-csv/", files=file) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
        # 413 in its log, and to its client in later versions
        assert person.ask("POST", "/me/", content=large).status_code in (413, 502)
        with Client(caddy.url, bearer=token) as client:
            assert client.ask("subscribe", jobs=[str(job.pk)])["event"] == "subscribed"


@contextlib.contextmanager
def running(process: Process) -> Iterator[None]:
    process.start()
    try:
        yield
    finally:
        process.stop()


def latest(nginx: Nginx, job: Job, token: str) -> float:
    """Seconds that the slowest of 30 events took through it."""
    with running(nginx):
        return slowest(nginx.url, job, token)


def slowest(url: str, job: Job, token: str) -> float:
    """The same for a proxy that runs."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"}
    late: list[float] = []
    ended = threading.Event()

    def talk() -> None:
        while not ended.wait(EVERY):
            say(job, str(time.monotonic()))

    talking = threading.Thread(target=talk)
    try:
        with httpx.stream("GET", f"{url}/jobs/{job.pk}/events/", headers=headers) as response:
            assert response.headers.get("content-encoding", "identity") == "identity"
            talking.start()
            decoder, pieces = Decoder(), response.iter_raw()
            while len(late) < 30:
                for message in decoder.feed(next(pieces)):
                    if message.event == "log":
                        sent = float(message.data.partition('"text":"')[2].partition('"')[0])
                        late.append(time.monotonic() - sent)
    finally:
        ended.set()
    talking.join()
    return max(late)


class Clock:
    """The time of one process, moved by libfaketime: `ahead` seconds."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.set("+0")

    def set(self, ahead: str) -> None:
        self.file.write_text(f"{ahead}\n")

    @property
    def environment(self) -> dict[str, str]:
        preload = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        return {
            "LD_PRELOAD": str(preload),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    program("faketime")
    return Clock(tmp_path / "clock")


def test_streams_outlive_a_jump_of_the_web_server_s_clock(
    clock: Clock, valkey: Valkey, job: Job, token: str
) -> None:
    web = Web(STREAM_KEEPALIVE="1", **clock.environment)
    web.start()
    viewers = [Viewer(f"{web.url}/jobs/{job.pk}/events/", token, seed=seed) for seed in range(3)]
    try:
        for viewer in viewers:
            viewer.start()
        wait_until(lambda: all(viewer.record.begun for viewer in viewers))
        for ahead in ("+2h", "-2h", "+0"):
            clock.set(ahead)
            say(job, f"it is {ahead}")
            wait_until(lambda: all(told(viewer, ahead) for viewer in viewers))  # noqa: B023 - at once
            time.sleep(1.5)  # the server's own timers must have had a chance to misfire
        records = [viewer.stop() for viewer in viewers]
        assert [record.connections for record in records] == [1, 1, 1]
        assert max(record.silence for record in records) < 5
    finally:
        web.stop()


def told(viewer: Viewer, text: str) -> bool:
    return any(text in message.data for message in viewer.record.messages)


def test_a_foreign_host_name_gets_no_stream_and_no_page(web: Web, job: Job, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
    for path in ("/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/events/", "/jobs/start/simulate/"):
        answer = httpx.get(web.url + path, headers=headers)
        assert answer.status_code == 400
        assert "evil.example" not in answer.text
        assert "Traceback" not in answer.text
