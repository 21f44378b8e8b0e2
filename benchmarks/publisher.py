"""The worker's part of a benchmark, in a process of its own: writes events at a steady rate.

`python -m benchmarks.publisher SPEC` prints `ready`, waits for a line, writes, and prints what it
wrote as JSON: [[job, number, kind], ...]. SPEC is the JSON of `Spec`."""

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from headway.stream import Event, Log, Reporter

Write = Callable[[str, Event, int], int]
"""Writes an event of a job, the n-th from 1, and returns its number (n where it gets none)."""


@dataclass(frozen=True, slots=True)
class Spec:
    """`count` events for each of `jobs`, `rate` a second and job, evenly spread; every tenth is
    of kind `other`, the rest of kind `progress`. `target`: a Redis URL, or the ports to
    POST to."""

    via: str
    target: str
    jobs: list[str]
    rate: float
    count: int
    other: str = "log"

    def to_json(self) -> str:
        """As an argument of the command."""
        return json.dumps(asdict(self))

    @property
    def seconds(self) -> float:
        """How long it writes."""
        return self.count / self.rate


def event(job: str, n: int, spec: Spec) -> Event:
    """What a worker would write: the same fields and size for everybody in the comparison."""
    if n % 10 == 0:
        text = f"Row {n} of {spec.count} has been imported"
        if spec.other == "log":
            return Event("log", {"job": job, "attempt": 1, "level": "info", "text": text})
        return Event(spec.other, {"job": job, "attempt": 1, "text": text})
    data = {
        "job": job,
        "attempt": 1,
        "status": "running",
        "percent": round(99.9 * n / spec.count, 1),
        "current": n,
        "total": spec.count,
        "message": f"Importing row {n}",
        "phase": "",
        "rate": spec.rate,
        "eta": round((spec.count - n) / spec.rate),
        "elapsed": round(n / spec.rate, 1),
        "warnings": 0,
    }
    return Event("progress", data)


def through_log(spec: Spec) -> Write:
    """As our worker writes: Log.append."""
    log = Log(spec.target)
    log.epoch()
    return lambda job, event, _: log.append(job, event, attempt=1).number


def through_post(spec: Spec) -> Write:
    """One HTTP POST for each event over a kept-alive connection (Nchan, and the bare server)."""
    connections = []
    for port in spec.target.split(","):
        connections.append(socket.create_connection(("127.0.0.1", int(port))))
        connections[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def write(job: str, event: Event, n: int) -> int:
        body = json.dumps(event.data, separators=(",", ":"))
        head = (
            f"POST /pub?id={job} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-EventSource-Event: {event.kind}"
            f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        for connection in connections:
            connection.sendall((head + body).encode())
            _read_answer(connection)
        return n

    return write


def _read_answer(connection: socket.socket) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the server has closed the publisher's connection")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 20"):
        raise RuntimeError(answer.decode())


def through_eventstream(spec: Spec) -> Write:
    """As django-eventstream's README says: send_event, in a process with the same settings."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.rivals.eventstream.settings"
    os.environ["REDIS_SOCKET"] = spec.target
    import django

    django.setup()
    from django_eventstream import send_event

    def write(job: str, event: Event, n: int) -> int:
        send_event(job, event.kind, event.data)
        return n

    return write


def paced(spec: Spec, write: Write) -> list[tuple[str, int, str]]:
    """Writes on schedule, or as fast as it can where that is slower."""
    written, began = [], time.monotonic()
    for n in range(1, spec.count + 1):
        for index, job in enumerate(spec.jobs):
            wait = began + (n - 1 + index / len(spec.jobs)) / spec.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)  # the pace is the work
            happened = event(job, n, spec)
            written.append((job, write(job, happened, n), happened.kind))
    return written


def updates(spec: Spec) -> list[tuple[str, int, str]]:
    """Reports as tasks do: `update` on one Reporter for each job, the time as the message."""
    log = Log(spec.target)
    reporters = {job: Reporter(log, job, 1) for job in spec.jobs}
    for reporter in reporters.values():
        reporter.start()

    def write(job: str, _: Event, n: int) -> int:
        reporters[job].update(n, spec.count, f"sent {time.monotonic_ns()}.")
        return n

    written = paced(spec, write)
    for reporter in reporters.values():
        reporter.stop()
    return written


def bare_hops(spec: Spec) -> list[tuple[str, int, str]]:
    """PUBLISHes the time, with redis-py, to one channel for each job."""
    import redis

    client: Any = redis.Redis.from_url(spec.target)

    def write(job: str, _: Event, n: int) -> int:
        client.publish(job, f"sent {time.monotonic_ns()}.")
        return n

    return paced(spec, write)


def main(text: str) -> None:
    """Writes what the spec says, once told to."""
    spec = Spec(**json.loads(text))
    ways = {"log": through_log, "post": through_post, "eventstream": through_eventstream}
    whole = {"updates": updates, "hops": bare_hops}
    write = ways[spec.via](spec) if spec.via in ways else None
    _say("ready")
    sys.stdin.readline()
    written = paced(spec, write) if write else whole[spec.via](spec)
    _say(json.dumps(written))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
