"""Clients of every sort, each following one job to its end as its own users would write it."""

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import httpx
import httpx_sse
from playwright.sync_api import BrowserContext
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from headway.stream.sse import Decoder
from tests.client.reading import read, read_async
from tests.support.pages import blocks, code

PAGE = "docs/clients.md"
SILENCE = 2.5
"""Seconds; the servers of these tests show life every second."""
PAUSE = 0.5
Take = Callable[[str, str, Any], None]


class Target(NamedTuple):
    """What is followed, and as whom."""

    site: str
    job: str
    token: str

    @property
    def path(self) -> str:
        return f"/jobs/{self.job}/events/"

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Reader:
    """`got`: (id, event, data) of each event so far. `over`: it has seen `done`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.got: list[tuple[str, str, Any]] = []
        self.over = False

    def look(self) -> None:
        """Brings `got` up to date."""

    def close(self) -> None:
        """Stops it, wherever it is."""

    def take(self, id: str, event: str, data: Any) -> None:  # noqa: A002 - the specification's name
        if event == "done":
            self.over = True
        elif event != "heartbeat":
            self.got.append((id, event, data))

    def has(self, text: str) -> bool:
        """Whether it has got this line of the log."""
        self.look()
        return any(event == "log" and data["text"] == text for _, event, data in self.got)


class InThread(Reader):
    """A client that is a function, which returns at `done`."""

    def __init__(self, follow: Callable[[Target, Take], None], target: Target) -> None:
        super().__init__(follow.__name__.removeprefix("by_"))

        def run() -> None:
            follow(target, self.take)
            self.over = True

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.thread.join(1)


def by_watch(target: Target, take: Take) -> None:
    options: dict[str, Any] = {"cursor": 0, "token": target.token, "timeout": SILENCE}
    read(target.site + target.path, lambda e: take(*e_parts(e)), backoff=PAUSE, **options)


def by_awatch(target: Target, take: Take) -> None:
    options: dict[str, Any] = {"cursor": 0, "token": target.token, "timeout": SILENCE}
    read_async(target.site + target.path, lambda e: take(*e_parts(e)), backoff=PAUSE, **options)


def e_parts(event: Any) -> tuple[str, str, Any]:
    return event.id, event.event, event.data


def by_httpx_sse(target: Target, take: Take) -> None:
    cursor = "0"
    with httpx.Client(base_url=target.site, headers=target.headers, timeout=SILENCE) as client:
        while True:
            with (
                suppress(httpx.TransportError, httpx_sse.SSEError),
                httpx_sse.connect_sse(
                    client, "GET", target.path, headers={"Last-Event-ID": cursor}
                ) as source,
            ):
                for event in source.iter_sse():
                    if event.event == "done":
                        return
                    cursor = event.id or cursor
                    if event.data:  # it also gives blocks without any
                        take(event.id, event.event, event.json())
            time.sleep(PAUSE)


def by_aiohttp(target: Target, take: Take) -> None:
    async def run() -> None:
        decoder = Decoder("0")
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE)
        async with aiohttp.ClientSession(headers=target.headers, timeout=timeout) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    decoder = Decoder(decoder.last_id)
                    headers = {"Last-Event-ID": decoder.last_id}
                    async with session.get(target.site + target.path, headers=headers) as answer:
                        answer.raise_for_status()
                        async for chunk in answer.content.iter_any():
                            for message in decoder.feed(chunk):
                                if message.event == "done":
                                    return
                                take(message.id, message.event, json.loads(message.data))
                await asyncio.sleep(PAUSE)

    asyncio.run(run())


def by_websocket(target: Target, take: Take) -> None:
    address = target.site.replace("http", "ws", 1) + "/ws/jobs/"
    asked = {"type": "subscribe", "jobs": [target.job], "cursor": "0"}
    while True:
        with (
            suppress(OSError, TimeoutError, WebSocketException, EOFError),
            connect(
                address, additional_headers=target.headers, close_timeout=0.2, proxy=None
            ) as socket,
        ):
            socket.send(json.dumps(asked))
            while True:
                message = json.loads(socket.recv(timeout=SILENCE))
                asked["cursor"] = message.get("id", asked["cursor"])
                if message.get("event") == "done":
                    return
                if "id" in message and "event" in message:
                    take(message["id"], message["event"], message["data"])
        time.sleep(PAUSE)


class Program(Reader):
    """A client that is a command, which prints SSE."""

    def __init__(self, name: str, command: list[str], **environment: str) -> None:
        super().__init__(name)
        self._process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.PIPE
        )
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join(10)

    def _read(self) -> None:
        decoder = Decoder()
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                for message in decoder.feed(line):
                    whole = message.event != "done" and json.loads(message.data)
                    self.take(message.id, message.event, whole)


def curl(target: Target) -> Program:
    [script] = blocks(PAGE, "bash")
    known = {"SITE": target.site, "JOB": target.job, "TOKEN": target.token}
    return Program("curl", ["bash", "-c", script.code], SILENCE="3", **known)


def follower() -> str:
    """The JavaScript function `follow` of the page."""
    return code(PAGE, "function follow")


def eventsource(target: Target, modules: Path) -> Program:
    """The npm package under node, with the page's `follow`; prints SSE again."""
    script = modules / f"follow-{target.site.rpartition(':')[2]}.mjs"  # each server has its own
    script.write_text(
        f"""import {{ EventSource }} from "eventsource";
{follower()}
class Source extends EventSource {{
  constructor(url) {{
    const headers = {json.dumps(target.headers)};
    super(url, {{ fetch: (u, init) =>
      fetch(u, {{ ...init, headers: {{ ...init.headers, ...headers }} }}) }});
  }}
}}
follow({json.dumps(target.site + target.path)}, (event) => {{
  console.log(`id: ${{event.lastEventId}}\\nevent: ${{event.type}}\\ndata: ${{event.data}}\\n`);
}}, {{ cursor: "0", silence: {SILENCE * 1000}, pause: {PAUSE * 1000}, Source }});
"""
    )
    return Program("eventsource", ["node", str(script)])


class InBrowser(Reader):
    """A page that notes what it gets in `got`, and `over`."""

    def __init__(self, name: str, context: BrowserContext, address: str) -> None:
        super().__init__(name)
        self.page = context.new_page()
        self.page.goto(address)

    def look(self) -> None:
        noted, self.over = self.page.evaluate("[got, over]")
        self.got = [(id_, event, json.loads(data)) for id_, event, data in noted]

    def close(self) -> None:
        self.page.close()


def chromium(target: Target, context: BrowserContext) -> Reader:
    """The browser's own EventSource, with the page's `follow`."""
    reader = InBrowser("chromium", context, target.site + "/healthz")
    options = f'{{ cursor: "0", silence: {SILENCE * 1000}, pause: {PAUSE * 1000} }}'
    reader.page.evaluate(
        f"""() => {{ {follower()}
          globalThis.got = []; globalThis.over = false;
          follow("{target.path}", ({{ type, data, lastEventId }}) => {{
            if (type === "done") globalThis.over = true;
            else got.push([lastEventId, type, data]);
          }}, {options}); }}"""
    )
    return reader


def htmx(target: Target, context: BrowserContext, scripts: Iterable[Path]) -> Reader:
    """htmx's SSE extension in the page's sample."""
    [sample] = [each.code for each in blocks(PAGE, "html") if "sse-connect" in each.code]
    path = target.path + "?cursor=0"
    body = sample.replace("/jobs/JOB/events/", path)
    noting = """
      var got = [], over = false;
      document.addEventListener("htmx:sseBeforeMessage", ({ detail }) =>
        got.push([detail.lastEventId, detail.type, detail.data]));
      document.addEventListener("htmx:sseClose", ({ detail }) =>
        over ||= detail.type === "message");
    """
    code = "".join(f"<script>{script.read_text()}</script>" for script in scripts)
    html = f"<!doctype html>{code}<script>{noting}</script><body>{body}"
    address = f"{target.site}/sample/{target.job}"
    context.route(address, lambda route: route.fulfill(body=html, content_type="text/html"))
    return InBrowser("htmx", context, address)
