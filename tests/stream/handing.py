"""Servers whose connections are taken over, or not, and what is said of that."""

import functools
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from headway.stream import handover
from tests.stream.serving import Client, Site, daphne, parsers, until, uvicorn

Start = Callable[..., AbstractAsyncContextManager[Any]]
UVICORNS = [
    pytest.param(functools.partial(uvicorn, http=name), id=f"uvicorn-{name}") for name in parsers()
]
SERVERS = [pytest.param(daphne, id="daphne"), *UVICORNS]
SLOWER = "A stream is written by its server, a slower way, because "


@pytest.fixture(params=SERVERS)
def start(request: pytest.FixtureRequest) -> Start:
    found: Start = request.param
    return found


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """What the log says about the way that streams take."""
    monkeypatch.setattr(handover, "_said", set())
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(
        record.getMessage() for record in caplog.records if record.name == handover.__name__
    )


async def stays(server: Any, site: Site, request: bytes = b"", part: bytes = b"queued") -> bytes:
    """A stream that its server sends until its client leaves; what came."""
    client = Client(server.address)
    await (client.ask(request) if request else client.ask())
    answer = await client.read_until(part)
    assert not len(site.hub.sockets)
    client.close()
    await until(lambda: site.over)
    assert not site.hub.readers
    return answer
