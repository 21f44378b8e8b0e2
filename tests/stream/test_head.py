"""The head of a stream, for connections that are taken over before their server has sent it."""

import functools

import pytest
from django.http import HttpResponse

from headway.stream.head import MAX_BYTES, head_of
from tests.stream.handing import Start
from tests.stream.serving import Client, Site, daphne, uvicorn

OWN = [(b"server", b"theirs"), (b"date", b"today")]


def answer(**headers: str) -> HttpResponse:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(content_type="text/event-stream", headers=names)


def test_it_has_the_headers_of_the_response_its_cookies_and_what_the_server_adds() -> None:
    response = answer(Server="ours", X_Name="Zo\u00eb")
    response.set_cookie("seen", "1", httponly=True)
    assert head_of(response, OWN) == (
        b"HTTP/1.1 200 OK\r\nServer: ours\r\nX-Name: Zo\xeb\r\nContent-Type: text/event-stream\r\n"
        b"Set-Cookie: seen=1; HttpOnly; Path=/\r\ndate: today\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Length": "3"},
        {"Transfer_Encoding": "gzip"},
        {"Connection": "upgrade"},
        {"X_Long": "x" * MAX_BYTES},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_what_is_no_usual_stream_is_left_to_the_server(headers: dict[str, str]) -> None:
    assert head_of(answer(**headers), OWN) is None


def test_lines_that_are_two_and_other_statuses_are_left_to_the_server() -> None:
    response = answer()
    response.headers._store["x"] = ("X", "1\r\nSet-Cookie: stolen")
    assert head_of(response, OWN) is None
    response = answer()
    response.status_code = 503
    assert head_of(response, OWN) is None


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(functools.partial(daphne, server_name="named"), id="daphne"),
        pytest.param(
            functools.partial(uvicorn, access_log=False, headers=[("server", "named")]),
            id="uvicorn",
        ),
    ],
)
async def test_the_hub_sends_it_with_the_first_piece(start: Start, site: Site) -> None:
    async with start(site) as server:
        client = await Client(server.address).ask()
        got = await client.read_until(b"queued")
        head, _, rest = got.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        assert lines[0] == b"http/1.1 200 ok"
        assert {b"server: named", b"transfer-encoding: chunked", b"connection: close"} < {*lines}
        assert len(lines) == len({line.partition(b":")[0] for line in lines})
        assert b"retry: " in rest
        assert len(site.hub.sockets) == 1
        client.close()
