"""One line in a project's asgi.py, and what there is without it."""

import json
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from tests.bare.conftest import Project, Served

UVICORN = ["-m", "uvicorn", "--no-access-log", "--port", "{port}"]
DAPHNE = ["-m", "daphne", "--port", "{port}"]
WITHOUT_CHANNELS = """
import sys
sys.modules["channels"] = None
import uvicorn
uvicorn.run("tests.bare.asgi:application", port={port}, access_log=False)
"""
SERVERS = {
    "uvicorn": [*UVICORN, "tests.bare.asgi:application"],
    "daphne": [*DAPHNE, "tests.bare.asgi:application"],
    "without channels": ["-c", WITHOUT_CHANNELS],
    "plain": [*UVICORN, "tests.bare.plain_asgi:application"],
}


@pytest.fixture(scope="module", params=SERVERS)
def served(request: pytest.FixtureRequest, project: Project) -> Iterator[Served]:
    process = Served(project, SERVERS[request.param])
    process.start()
    yield process
    assert process.stop() <= 0, process.output
    assert not process.output.partition("Traceback")[1], process.output


def test_a_stream_tells_where_its_job_is(served: Served, project: Project) -> None:
    job = project.start()
    with (
        served.signed_in() as browser,
        browser.stream("GET", f"/ops/jobs/{job}/events/") as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        assert "event: snapshot" in list(_until(answer.iter_lines(), "event: snapshot"))


@pytest.mark.parametrize("served", [name for name in SERVERS if name != "plain"], indirect=True)
def test_a_websocket_is_let_in_by_session(served: Served, project: Project) -> None:
    job = project.start()
    with served.signed_in() as browser:
        cookie = f"sessionid={browser.cookies['sessionid']}"
        url = served.url.replace("http", "ws") + "/ops/socket/"
        with connect(url, additional_headers={"Cookie": cookie}) as socket:
            socket.send(json.dumps({"type": "subscribe", "jobs": [job]}))
            events = (json.loads(text) for text in socket)
            assert any(event.get("event") == "snapshot" for event in events)


def _until(lines: Iterator[str], last: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line == last:
            return
