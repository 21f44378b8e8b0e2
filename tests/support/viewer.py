"""A viewer who follows a stream as docs/protocol.md asks, and writes down all that came."""

import contextlib
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from headway.stream.sse import Decoder, Message
from tests.support.plain import PLAIN
from tests.support.protocol import valid_message


@dataclass
class Record:
    """What one viewer got over all its connections. Times by the monotonic clock, in seconds."""

    messages: list[Message] = field(default_factory=list)
    connections: int = 0
    refused: int = 0
    silence: float = 0.0
    """The longest time between two signs of life of one open connection."""
    faults: list[str] = field(default_factory=list)
    """What should never have come."""
    heard: list[float] = field(default_factory=list)
    """When each progress came."""
    done: bool = False

    @property
    def begun(self) -> bool:
        """Whether the stream has said where things stand, which a heartbeat does not: what is
        written from here on must come."""
        return any(message.event != "heartbeat" for message in tuple(self.messages))


class Viewer(threading.Thread):
    """Reads `url` until `done` or `stop`. Every frame is checked by its schema."""

    def __init__(
        self, url: str, token: str, *, patience: float = 40.0, lazy: float = 0.0, seed: int = 0
    ) -> None:
        """`patience`: seconds of silence after which it connects anew. `lazy`: seconds that it
        sleeps now and then instead of reading, until that is set to 0."""
        super().__init__(name="viewer", daemon=True)
        self.url, self.record = url, Record()
        self._headers = {"Authorization": f"Bearer {token}"}
        self._patience, self.lazy = patience, lazy
        self._chance = random.Random(seed)
        self._cursor, self._wait = "", 1.0
        self.heard = 0.0
        """When progress came last."""
        self._stopped = threading.Event()

    def stop(self) -> Record:
        """Leaves with the next frame or sign of life; everything that came."""
        self._stopped.set()
        self.join(self._patience)
        return self.record

    def run(self) -> None:
        """One connection after the other."""
        timeout = httpx.Timeout(self._patience, connect=5)
        with httpx.Client(headers=self._headers, timeout=timeout, verify=PLAIN) as client:
            while not self._stopped.is_set() and not self.record.done:
                with contextlib.suppress(httpx.TransportError):
                    self._follow(client)
                if not self.record.done:
                    self._stopped.wait(self._wait * self._chance.uniform(1, 1.5))

    def _follow(self, client: httpx.Client) -> None:
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        with client.stream("GET", self.url, params={"heartbeat": ""}, headers=headers) as response:
            if response.status_code != 200:
                self.record.refused += 1
                return
            self.record.connections += 1
            self._read(response)

    def _read(self, response: httpx.Response) -> None:
        decoder, last = Decoder(self._cursor), time.monotonic()
        for piece in self._pieces(response):
            now = time.monotonic()
            self.record.silence, last = max(self.record.silence, now - last), now
            for message in decoder.feed(piece):
                self._take(message)
            self._cursor = decoder.last_id
            if decoder.retry is not None:
                self._wait = decoder.retry / 1000
            if self._stopped.is_set() or self.record.done:
                return
            if self.lazy and self._chance.random() < 0.05:
                self._stopped.wait(self.lazy)
                last = time.monotonic()

    def _pieces(self, response: httpx.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_raw()
        except httpx.ReadTimeout:
            self.record.silence = max(self.record.silence, self._patience)
            raise

    def _take(self, message: Message) -> None:
        try:
            valid_message(message)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            self.record.faults.append(f"{message}: {error}")
        self.record.messages.append(message)
        if message.event == "progress":
            self.heard = time.monotonic()
            self.record.heard.append(self.heard)
        self.record.done = message.event == "done"


def statuses(record: Record) -> dict[str, Any]:
    """The newest status of each job that a viewer was told."""
    found: dict[str, Any] = {}
    for message in tuple(record.messages):
        if message.event in ("state", "snapshot"):
            data = json.loads(message.data)
            found[data["job"]] = data["status"]
    return found
