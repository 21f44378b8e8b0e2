"""Which part of an installation is missing is read from what its site answers."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from headway.ops.installation import missing_parts
from tests.support.stack import free_port


@pytest.fixture
def answering() -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """The port of a site, and what it is to answer."""
    answers: list[tuple[int, str]] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[-1]
            self.send_response(status)
            self.send_header("Location", "https://localhost:1/")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_port, answers
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "body", "missing"),
    [
        (200, '{"database": true, "redis": true, "workers": 1, "janitor": true}', []),
        (503, '{"database": false, "redis": true, "workers": 0}', ["database", "workers"]),
        (503, "<h1>Not available</h1>", ["web"]),
        (500, "null", ["web"]),
        (404, "<h1>Not found</h1>", []),
        (301, "", []),
        (200, "<h1>Shop</h1>", []),
        (200, '{"errors": []}', []),
    ],
)
def test_what_is_missing_is_read_from_whatever_a_project_answers(
    status: int,
    body: str,
    missing: list[str],
    answering: tuple[int, list[tuple[int, str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, answers = answering
    answers.append((status, body))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # which knows no loopback
    assert missing_parts("127.0.0.1", port, "localhost") == missing


def test_where_nobody_listens_the_web_process_is_missing() -> None:
    assert missing_parts("127.0.0.1", free_port(), "localhost") == ["web"]
