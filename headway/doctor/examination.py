"""The checks, all at the same time: as long as one sign of life takes, and a few seconds."""

import asyncio
import re
import time
from collections.abc import Coroutine
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from headway.doctor.findings import Finding, Verdict
from headway.doctor.listening import CONNECT, Heard, listen, protocol, reach, told_heartbeat

try:
    import websockets

    with_websockets = True
except ImportError:
    with_websockets = False

SOON = 4.0
"""Seconds within which what is sent at once must be here."""
APART = 5.0
"""Seconds that two clocks may differ."""
ROUNDS = 4
"""Signs of life that a thorough examination waits for."""
FIRST, SECOND, THIRD = "100000000001", "100000000002", "100000000003"
"""Cursors that no stream has."""


async def examine(
    site: str, headers: dict[str, str], *, heartbeat: float | None = None, thorough: bool = False
) -> list[Finding]:
    """What is found of the site whose jobs are below the address `site`. `headers` say who asks.
    `heartbeat`: its STREAM_KEEPALIVE in seconds; None: as the site tells it. Raises NotReached."""
    url = f"{site}/events/"
    limits = httpx.Timeout(None, connect=CONNECT)
    async with httpx.AsyncClient(headers=headers, timeout=limits) as client:
        began = time.time()
        answer = await reach(client, url)
        if answer.is_redirect:
            where = answer.headers.get("location", "nowhere")
            told = f"{answer.status_code} to {where[:200]}; the rest was not tried."
            return [Finding("redirects", Verdict.BAD, told)]
        heartbeat = heartbeat or told_heartbeat(answer) or 15.0
        checks: list[Coroutine[Any, Any, list[Finding]]] = [
            _at_once(client, url),
            _cursors(client, url),
            _idle(client, url, heartbeat, ROUNDS if thorough else 1),
            _protocol(url),
            _websocket(site, headers, answer.headers.get("Progress-Socket", "")),
        ]
        found = await asyncio.gather(*checks)
    direct = Finding("redirects", Verdict.OK, "None.")
    return [direct, *(each for some in found for each in some), _clocks(answer, began)]


async def _at_once(client: httpx.AsyncClient, url: str) -> list[Finding]:
    """Whether a frame that is sent at once comes at once, and as it was sent."""
    heard = await listen(
        client, f"{url}?heartbeat=2", SOON, enough=lambda text: "event: heartbeat" in text
    )
    if '"ends":true' in heard.text:
        told = "The site runs under WSGI: each answer ends at once."
        return [Finding("buffering", Verdict.NOT_TRIED, told), _compression(heard)]
    if heard.begun is None:
        held = await listen(client, f"{url}?heartbeat=2&poll=1", 2 * SOON)
        if not held.text:
            told = "Not one byte came, not even of an answer that ends."
            return [Finding("buffering", Verdict.BAD, told), _compression(held)]
        told = f"Nothing within {SOON:g} s of a stream, but an answer that ends came whole."
        return [Finding("buffering", Verdict.BAD, told), _compression(held)]
    told = f"The first frame came after {heard.begun:.2f} s."
    return [Finding("buffering", Verdict.OK, told), _compression(heard)]


def _compression(heard: Heard) -> Finding:
    coding = heard.headers.get("content-encoding", "identity")
    verdict = Verdict.OK if coding == "identity" else Verdict.WARN
    if heard.broken == "DecodingError":
        return Finding("compression", Verdict.BAD, f"{coding}, which cannot be unpacked.")
    if not heard.headers:
        return Finding("compression", Verdict.NOT_TRIED, "There was no answer.")
    return Finding("compression", verdict, f"Content-Encoding: {coding}.")


async def _cursors(client: httpx.AsyncClient, url: str) -> list[Finding]:
    """Whether cursors reach the server, in the header and in the address; and whether two answers
    from the same address are two."""
    poll = f"{url}?poll=1"
    one = (await listen(client, poll, SOON, cursor=FIRST)).cursor
    two = (await listen(client, poll, SOON, cursor=SECOND)).cursor
    three = (await listen(client, f"{poll}&cursor={THIRD}", SOON)).cursor
    # Another's answer may have been kept from before; no server makes up these numbers.
    cached = two == FIRST or (one, two) == (SECOND, SECOND)
    caching = Finding("caching", Verdict.BAD, "An answer to another request came again.")
    if not cached:
        fresh = "Two requests had an answer each."
        caching = Finding("caching", Verdict.OK if two else Verdict.NOT_TRIED, fresh if two else "")
    if cached:
        header = Finding("Last-Event-ID", Verdict.NOT_TRIED, "Answers are cached.")
    else:
        header = _echoed("Last-Event-ID", SECOND, two)
    return [header, _echoed("resume", THIRD, three), caching]


def _echoed(check: str, sent: str, got: str) -> Finding:
    if not got:
        return Finding(check, Verdict.NOT_TRIED, "No frame came within time.")
    if got == sent:
        return Finding(check, Verdict.OK, "The cursor reached the server.")
    return Finding(check, Verdict.BAD, f"The server did not get the cursor; it says {got[:20]}.")


async def _idle(
    client: httpx.AsyncClient, url: str, heartbeat: float, rounds: int
) -> list[Finding]:
    """Whether a silent stream lives until its sign of life."""
    limit = rounds * heartbeat + SOON
    heard = await listen(
        client, url, limit, enough=lambda text: text.count(": keepalive") >= rounds
    )
    came = heard.text.count(": keepalive")
    if heard.ended and came < rounds and ": this " not in heard.text:
        told = f"The stream was cut after {heard.lasted:.1f} s."
        return [Finding("idle time-out", Verdict.BAD, told)]
    if came:
        told = f"Open after {heard.lasted:.1f} s, with {came} sign(s) of life."
        return [Finding("idle time-out", Verdict.OK, told)]
    told = f"No silence with a sign of life within {limit:g} s: give --heartbeat, if it is longer."
    return [Finding("idle time-out", Verdict.NOT_TRIED, told)]


async def _protocol(url: str) -> list[Finding]:
    if urlsplit(url).scheme != "https":
        told = "Plain HTTP: browsers speak HTTP/1.1, with six connections for all tabs."
        return [Finding("HTTP/2", Verdict.WARN, told)]
    try:
        async with asyncio.timeout(CONNECT):
            chosen = await protocol(url)
    except (OSError, TimeoutError):
        return [Finding("HTTP/2", Verdict.NOT_TRIED, "There was no direct connection.")]
    verdict = Verdict.OK if chosen == "h2" else Verdict.WARN
    return [Finding("HTTP/2", verdict, f"The server chooses {chosen or 'http/1.1'}.")]


async def _websocket(site: str, headers: dict[str, str], path: str) -> list[Finding]:
    """Whether one opens at the path that the site tells, as a page of the site would open it, and
    carries a message back."""
    if not re.fullmatch(r"/[!-~]*", path):
        return [Finding("WebSocket", Verdict.NOT_TRIED, "The site tells of none.")]
    if not with_websockets:
        told = 'It needs websockets: pip install "django-headway[doctor]".'
        return [Finding("WebSocket", Verdict.NOT_TRIED, told)]
    parts = urlsplit(site)
    address = f"{parts.scheme.replace('http', 'ws')}://{parts.netloc}{path}"
    context = httpx.create_ssl_context() if parts.scheme == "https" else None
    try:
        async with asyncio.timeout(2 * SOON):
            opening = websockets.connect(
                address,
                additional_headers=headers,
                origin=websockets.Origin(f"{parts.scheme}://{parts.netloc}"),
                ssl=context,
            )
            async with opening as socket:
                await socket.send('{"type":"ping"}')
                while '"pong"' not in str(await socket.recv()):
                    pass
    except websockets.InvalidStatus as error:
        status = error.response.status_code
        return [Finding("WebSocket", Verdict.BAD, f"The handshake was answered with {status}.")]
    except (OSError, TimeoutError, websockets.WebSocketException) as error:
        told = f"It did not open, or carried no message: {type(error).__name__}."
        return [Finding("WebSocket", Verdict.BAD, told)]
    return [Finding("WebSocket", Verdict.OK, "A message went there and back.")]


def _clocks(answer: httpx.Response, began: float) -> Finding:
    try:
        there = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return Finding("clocks", Verdict.NOT_TRIED, "The answer has no date.")
    apart = abs(there - began)
    verdict = Verdict.OK if apart <= APART else Verdict.WARN
    return Finding("clocks", verdict, f"{apart:.0f} s between this computer's and the answer's.")
