"""One viewer of a soak: comes, reads for a while, leaves, and comes back to where it was."""

import asyncio
import contextlib
import json
import random
import re
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.servers import Ours

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close sends a reset instead of a FIN (socket(7))."""


@dataclass
class Counts:
    """Of all viewers of a server."""

    open: int = 0
    connects: int = 0
    frames: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    """What was missed, repeated or refused, in words, and how often."""


@dataclass(frozen=True)
class Place:
    """Where viewers look: at which server, at which jobs, and until when."""

    server: Ours
    jobs: list[str]
    counts: Counts
    stop: asyncio.Event
    life: float
    """Mean seconds of a connection."""
    step: int
    """What the first number in a line of a job's log has gained since the line before."""


class Watcher:
    """Follows one job after the other."""

    def __init__(self, place: Place, cookie: str, chance: random.Random) -> None:
        self._place, self._cookie, self._chance = place, cookie, chance
        self._job, self._last, self._line, self._ended = "", 0, 0, True

    async def come_and_go(self, delay: float) -> None:
        """Until the end of the soak; begins after `delay` seconds."""
        await self._pause(delay)
        while not self._place.stop.is_set():
            if self._ended:
                self._choose()
            came = time.monotonic()
            try:
                await self._visit()
            except (OSError, EOFError) as error:
                waited = time.monotonic() - came
                self._fault(f"{type(error).__name__} after {waited:.0f} s: {error}")
            await self._pause(self._chance.uniform(0, 2))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._place.stop.wait(), seconds)

    def _choose(self) -> None:
        self._job = self._chance.choice(self._place.jobs)
        self._last, self._line, self._ended = 0, 0, False

    async def _visit(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._place.server.port)
        try:
            writer.write(self._request())
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 200"):
                await self._stay(reader)
            else:
                self._fault(head.partition(b"\r\n")[0].decode())
        finally:
            if self._chance.random() < 0.5:
                peer = writer.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.close()

    async def _stay(self, reader: asyncio.StreamReader) -> None:
        counts = self._place.counts
        counts.open += 1
        counts.connects += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._chance.expovariate(1 / self._place.life)):
                    await self._read(reader)
        finally:
            counts.open -= 1

    def _request(self) -> bytes:
        headers = [f"Cookie: {self._cookie}"]
        if self._last:
            headers.append(f"Last-Event-ID: {self._last}")
        return self._place.server.get(f"/jobs/{self._job}/events/", headers)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while not self._ended and (size := int(await reader.readline() or b"0", 16)):
            rest += (await reader.readexactly(size + 2))[:-2]
            *blocks, rest = rest.split(b"\n\n")
            for block in blocks:
                self._take(block)

    def _take(self, block: bytes) -> None:
        lines = (line.partition(b": ") for line in block.splitlines())
        fields = {name: value for name, _, value in lines if name}
        kind, number = fields.get(b"event"), int(fields.get(b"id") or 0)
        if b"data" not in fields:
            return
        self._place.counts.frames += 1
        if kind == b"resync":
            self._fault("resync")
        elif kind == b"log":
            self._said(json.loads(fields[b"data"])["text"])
        elif kind == b"done":
            self._ended = True
        if number and number < self._last:
            self._fault(f"{number} came after {self._last}")
        self._last = max(self._last, number)

    def _said(self, text: str) -> None:
        """Lines of the log must come one after the other; before the first anything may have."""
        line = int(re.findall(r"\d+", text)[0])
        if self._line and line != self._line + self._place.step:
            self._fault(f"line {line} came after {self._line}")
        self._line = line

    def _fault(self, text: str) -> None:
        self._place.counts.faults[text] += 1
