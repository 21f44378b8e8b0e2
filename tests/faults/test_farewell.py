"""A web server that is told to end says so to everybody whose answer is under way, and ends within
seconds, whatever they do. On all servers that the documentation names."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import pytest
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job, Status
from headway.stream.websocket import RETURN
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.servers import Hypercorn, Serve, Uvicorn
from tests.support.sockets import open_stream, read_until
from tests.support.stack import Web
from tests.ws.client import Client

SERVICE_RESTART = 1012
"""What Uvicorn says by itself to a WebSocket when it ends (IANA's registry)."""


@pytest.fixture(scope="module", params=[Web, Uvicorn, Hypercorn])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param, STREAM_KEEPALIVE="2")


@pytest.fixture
def job(site: Web, alice: User) -> Job:
    made = Job.objects.create(kind="simulate", title="Simulate", owner=alice, status=Status.RUNNING)
    announce.created(made)
    return made


Curl = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def curl(site: Web, token: str) -> Iterator[Curl]:
    """Reads a stream, of which the first block has come, with curl."""
    with ExitStack() as stack:

        def read(path: str) -> "subprocess.Popen[str]":
            command = ["curl", "-sN", "-H", f"Authorization: Bearer {token}", site.url + path]
            reading = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            stack.enter_context(reading)
            stack.callback(reading.kill)
            assert reading.stdout
            assert reading.stdout.readline().startswith("retry: ")
            while reading.stdout.readline().strip():
                pass
            return reading

        yield read


def end(site: Web) -> float:
    """The seconds that it took to end."""
    begun = time.monotonic()
    site.signal(signal.SIGTERM)
    wait_until(lambda: not site.running, PATIENCE)
    return time.monotonic() - begun


def test_every_stream_ends_with_retry_and_a_reason_and_the_end_of_its_body(
    site: Web, job: Job, curl: Curl
) -> None:
    own, newest = f"/jobs/{job.pk}/events/", log().read([str(job.pk)]).cursor
    poll = f"/jobs/events/?mine&poll=50&cursor={newest}"
    reading = [curl(path) for path in (own, own, "/jobs/events/?mine", poll)]
    end(site)
    for each in reading:
        said, _ = each.communicate(timeout=PATIENCE)
        assert each.returncode == 0
        *_, last, blank = said.split("\n\n")
        assert blank == ""
        assert last.startswith(": ")
        assert "\nretry: " in last


def test_it_ends_within_seconds_though_somebody_does_not_read(
    site: Web, token: str, job: Job
) -> None:
    asleep = [
        open_stream(f"{site.url}/jobs/{job.pk}/events/", token, buffer=4096) for _ in range(5)
    ]
    for each in asleep:
        read_until(each, b"retry: ")
    for number in range(30):  # far more than what the kernel keeps
        job.result = str(number) * 200_000
        job.save()
        announce.state(job.pk)
    assert end(site) < 6
    for each in asleep:
        each.close()


def test_websockets_are_closed_with_a_code_to_come_back(site: Web, token: str, job: Job) -> None:
    with Client(site.url, bearer=token) as talking:
        talking.send("subscribe", stream="one", jobs=[str(job.pk)])
        wait_until(lambda: talking.take().get("event") == "snapshot")
        with ThreadPoolExecutor(1) as threads:
            ending = threads.submit(end, site)
            with suppress(ConnectionClosed):
                for _ in talking.connection:
                    pass
            ending.result()
        assert talking.connection.close_code in (RETURN, SERVICE_RESTART)


def test_long_polls_are_answered(site: Web, token: str, job: Job) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=site.url, headers=headers, timeout=PATIENCE) as program:
        status = f"/jobs/{job.pk}/status/"
        known = program.get(status).json()
        with ThreadPoolExecutor(1) as threads:
            asked = {"wait": 50, "cursor": known["cursor"]}
            answer = threads.submit(program.get, status, params=asked)
            time.sleep(1)  # it waits, of which nothing tells
            assert not answer.done()
            end(site)
            assert answer.result().json()["job"] == str(job.pk)
