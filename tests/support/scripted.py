"""A small HTTP server that answers as a test says, and remembers what it was asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page

PAGE = b"<!doctype html><meta charset=utf-8><title>A test</title>"
EVENTS = "text/event-stream"


class Asked(NamedTuple):
    """One request, its path with the query."""

    method: str
    path: str
    headers: Message


class Answer(BaseHTTPRequestHandler):
    """One request that is being answered."""

    server: "Scripted"

    def send(self, status: int = 200, type: str = EVENTS, body: bytes = b"", **more: str) -> None:  # noqa: A002 - HTTP's word
        """A whole answer; the connection ends with it. Names of `more` have _ for -."""
        self.send_response(status)
        for name, value in {"Content-Type": type, "Connection": "close", **more}.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def answer(self) -> None:
        """By the path; a page where the test says nothing."""
        self.server.asked.append(Asked(self.command, self.path, self.headers))
        script = self.server.scripts.get(self.path.partition("?")[0])
        if script is None:
            self.send(type="text/html", body=PAGE)
        else:
            script(self)

    do_GET = do_OPTIONS = do_HEAD = answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - its own name
        """Says nothing."""


class Scripted(ThreadingHTTPServer):
    """Listens on a port of its own; `scripts` has a function for each path."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.scripts: dict[str, Callable[[Answer], None]] = {}
        self.asked: list[Asked] = []
        self.port = self.server_port
        self.url = f"http://127.0.0.1:{self.port}"

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for a path, whatever their query."""
        return [each for each in self.asked if each.path.partition("?")[0] == path]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has left is no error of the test."""


@contextmanager
def scripted() -> Iterator[Scripted]:
    """A server that runs meanwhile."""
    with Scripted() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    """One for all tests of a module."""
    with scripted() as running:
        yield running


@pytest.fixture(scope="module")
def blank(browser: Browser, server: Scripted) -> Iterator[Page]:
    """A page of that server."""
    page = browser.new_page()
    page.goto(server.url)
    yield page
    page.close()
