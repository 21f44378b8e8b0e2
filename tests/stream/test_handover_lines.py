"""Access logs have their line of a stream whose connection was taken over."""

import asyncio
import logging
import re
import socket
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.stream.serving import Client, Site, daphne, until, uvicorn


async def test_the_access_log_of_daphne_gets_its_line_at_the_end(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    actions: list[tuple[str, str, dict[str, Any]]] = []
    async with daphne(site, action_logger=lambda *told: actions.append(told)) as server:
        client = await Client(server.address).ask()
        answer = await client.read_until(b"queued")
        assert not actions
        client.close()
        await until(lambda: actions)
    [(protocol, action, details)] = actions
    assert (protocol, action, details["path"]) == ("http", "complete", "/events/?secret=1")
    assert details["size"] == len(answer.partition(b"\r\n\r\n")[2])
    [line] = [each.getMessage() for each in caplog.records if each.name.endswith(".access")]
    pattern = r'127\.0\.0\.1:\d+ "GET /events/" 200, (\d+) bytes, \d+\.\d s'
    found = re.fullmatch(pattern, line)
    assert found is not None
    assert int(found[1]) == details["size"]


async def test_the_access_log_of_uvicorn_gets_a_second_line_at_the_end(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    async with uvicorn(site, log_level="info") as server:
        caplog.set_level(logging.INFO)
        logging.getLogger("uvicorn.access").addHandler(caplog.handler)
        client = await Client(server.address).ask()
        await client.read_until(b"queued")
        client.close()
        await until(lambda: " bytes, " in caplog.text)
        logging.getLogger("uvicorn.access").removeHandler(caplog.handler)
    assert '"GET /events/?secret=1 HTTP/1.1" 200' in caplog.text
    assert re.search(r'127\.0\.0\.1:\d+ "GET /events/" 200, \d+ bytes, \d+\.\d s', caplog.text)


async def test_a_secret_address_is_in_no_line_of_the_access_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    site.grant = Named("/***/")
    told: list[Any] = []
    for serving in (daphne(site, action_logger=lambda *line: told.append(line)), uvicorn(site)):
        caplog.clear()
        async with serving as server:
            client = await Client(server.address).ask()
            await client.read_until(b"queued")
            client.close()
            await until(lambda: " bytes, " in caplog.text)
        assert '"GET /***/" 200' in caplog.text
    assert told[0][2]["path"] == "/***/"


class Named(NamedTuple):
    """A grant whose streams are called otherwise in the log."""

    path: str


async def test_a_server_that_writes_no_access_log_gets_no_line(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for serving in (daphne(site), uvicorn(site, access_log=False)):
        async with serving as server:
            client = await Client(server.address).ask()
            await client.read_until(b"queued")
            client.close()
            await until(lambda: not site.hub.readers)
            await asyncio.sleep(0)
    assert " bytes, " not in caplog.text


@pytest.mark.parametrize("name", ["daphne", "uvicorn"])
async def test_a_server_behind_a_unix_socket_writes_of_nobody(
    name: str, site: Site, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    path = str(tmp_path / "socket")
    serving = (
        daphne(site, action_logger=print, unix=path)
        if name == "daphne"
        else uvicorn(site, log_level="info", unix=path)
    )
    async with serving as server:
        client = await Client(server.address, family=socket.AF_UNIX).ask()
        await client.read_until(b"queued")
        assert len(site.hub.sockets) == 1
        client.close()
        await until(lambda: '- "GET /events/" 200' in caplog.text)
