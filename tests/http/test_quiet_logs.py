"""What strangers send fills no logs: each request is worth one line at most, and no traceback. On
both servers that the documentation names first."""

import contextlib
import re
import socket
import time

import pytest

from tests.support.patience import PATIENCE
from tests.support.servers import Serve, Uvicorn
from tests.support.stack import Web

pytestmark = pytest.mark.usefixtures("transactional_db")
FORM = b"Content-Type: application/x-www-form-urlencoded"
PARTS = b"Content-Type: multipart/form-data; boundary="
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw=="
)


def request(line: bytes, *headers: bytes, body: bytes = b"", host: bytes = b"localhost") -> bytes:
    length = [b"Content-Length: %d" % len(body)] if line.startswith(b"POST") else []
    return b"\r\n".join([line + b" HTTP/1.1", b"Host: " + host, *headers, *length, b"", body])


NOTES = re.compile(r" INFO (headway\.access|uvicorn\.error): ")
"""Of the lines that note each request and each WebSocket, beside what is logged."""
HOSTILE = {
    "a wrong host": request(b"GET /", host=b"evil.example"),
    "a long host": request(b"GET /", host=b"x" * 4000),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a wrong host of a stream": request(b"GET /jobs/events/", host=b"evil.example"),
    "a wrong host of a socket": request(b"GET /ws/jobs/", UPGRADE, host=b"evil.example"),
    "a wrong host from a site": request(b"GET /", b"Origin: http://[", host=b"a b"),
    "a wrong host of a static file": request(b"GET /static/headway/bar.css", host=b"evil.example"),
    "a wrong host of a health check": request(b"GET /healthz", host=b"evil.example"),
    "a socket elsewhere": request(b"GET /nowhere/", UPGRADE),
    "a bad socket": request(b"GET /ws/jobs/", UPGRADE.replace(b"13", b"99")),
    "a stranger's socket": request(b"GET /ws/jobs/", UPGRADE, b"Origin: http://["),
    "no boundary": request(b"POST /sign-in/", PARTS, body=b"a=1"),
    "a bad boundary": request(b"POST /sign-in/", PARTS + b"\xff\xfe", body=b"--\xff\xfe\r\n"),
    "broken parts": request(b"POST /jobs/start/simulate/", PARTS + b"a", body=b"--a\r\n\r\n--a"),
    "bad base64": request(
        b"POST /sign-in/",
        PARTS + b"a",
        body=b'--a\r\nContent-Disposition: form-data; name="x"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n!\r\n--a--\r\n",
    ),
    "another charset": request(b"POST /sign-in/", FORM + b"; charset=utf-16", body=b"a=1"),
    "no charset": request(b"POST /sign-in/", FORM + b"; charset=nonsense", body=b"a=1"),
    "many fields": request(b"POST /sign-in/", FORM, body=b"&".join([b"a=1"] * 2000)),
    "a large form": request(b"POST /sign-in/", FORM, body=b"a=" + b"x" * 3_000_000),
    "no JSON": request(b"POST /chat/", b"Content-Type: application/json", body=b"{"),
    "deep JSON": request(b"POST /chat/", b"Content-Type: application/json", body=b"[" * 99999),
    "half a body": request(b"POST /sign-in/", FORM, body=b"a=1").replace(b": 3\r", b": 9\r"),
    "bad cookies": request(b"GET /", b'Cookie: sessionid="\xff\\; ;=;csrftoken=\x01', b"Cookie: ="),
    "a bad token": request(b"GET /", b"Authorization: Bearer \xff\xfe pt_1_x"),
    "a bad path": request(b"GET /%ff%00%0d%0aTraceback"),
    "a raw path": request(b"GET /\xff\xfe"),
    "a bad query": request(b"GET /?status=%ff&page=\xff"),
    "a bad page": request(b"GET /sign-in/?next=http://[%00"),
    "a bad root": request(b"GET /healthz", b"Daphne-Root-Path: \xff"),
    "a bad proxy": request(b"GET /healthz", b"X-Forwarded-For: \xff", b"X-Forwarded-Proto: \xff"),
    "a bad referrer": request(
        b"POST /sign-in/", FORM, b"Referer: http://[", b"Origin: \xff", body=b"a=1"
    ),
    "a bad link": request(b"GET /sign-in/by-link/%00%ff/"),
    "bad conditions": request(
        b"GET /static/headway/bar.css", b"Range: bytes=9-1,-", b"If-None-Match: \xff"
    ),
    "bad wishes": request(
        b"GET /", b"Accept: ;;;/,*/;q=x", b"HX-Request: true", b"HX-Current-URL: ["
    ),
    "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\n",
    "a method": request(b"TRACE /"),
    "two lengths": request(b"POST /", b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
    "bad chunks": request(b"GET /", b"Transfer-Encoding: chunked", body=b"xyz\r\n"),
}


@pytest.fixture(scope="module", params=[Web, Uvicorn])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param)


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_stranger_writes_one_line_at_most(web: Web, sent: bytes) -> None:
    before = len(web.output)
    with socket.create_connection((web.host, web.port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        connection.settimeout(1)
        with contextlib.suppress(OSError):
            connection.recv(65536)
    assert web.answers()
    time.sleep(0.1)
    said = web.output[before:]
    assert "Traceback (most" not in said
    lines = [line for line in said.splitlines() if not NOTES.search(line)]
    assert len(lines) <= 1, lines
    assert len("".join(lines)) < 700
