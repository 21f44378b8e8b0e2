"""Web processes are killed, deployed, stopped, besieged and left: nobody misses an event, nothing
piles up, and others do not notice. On both servers that the documentation names."""

import random
import signal
import socket
import time

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce
from headway.lifecycle import log as jobs_log
from headway.models import Job
from headway.stream import Event, Log
from headway.web import tokens
from tests.support.oracles import violations
from tests.support.processes import wait_until
from tests.support.servers import Serve, Uvicorn
from tests.support.sockets import descriptors, of_status, open_stream, read_until, reset
from tests.support.stack import Valkey, Web
from tests.support.thorough import Figure, Many
from tests.support.viewer import Viewer
from tests.ws.client import Client

MOST = 120_000
"""Bytes of one stream, in these tests."""
KEPT = 15_000
"""kB that a server may have grown by after any number of visits: caches, and holes in its heap."""


@pytest.fixture(scope="module", params=[Web, Uvicorn], ids=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    limits = {"STREAM_MAX_PER_USER": "1000", "STREAM_MAX_BYTES": str(MOST)}
    return serve(request.param, STREAM_KEEPALIVE="2", STREAM_MAX_AGE="6", **limits)


@pytest.fixture
def log(valkey: Valkey) -> Log:
    del valkey
    return jobs_log.log()


@pytest.fixture
def job(site: Web, alice: User) -> Job:
    return make_job(alice)


def make_job(owner: User) -> Job:
    made = Job.objects.create(kind="simulate", title="Simulate", owner=owner)
    announce.created(made)
    return made


def events(web: Web, job: Job) -> str:
    return f"{web.url}/jobs/{job.pk}/events/"


def say(log: Log, job: Job, text: str) -> int:
    data = {"job": str(job.pk), "attempt": 1, "text": text}
    return log.append(str(job.pk), Event("log", data), attempt=1).number


def heard(viewer: Viewer, text: str) -> bool:
    """Whether a viewer has been given an event with this text."""
    return any(text in message.data for message in viewer.record.messages)


def test_a_deploy_with_200_streams_takes_5_seconds_and_costs_no_event(
    site: Web, token: str, job: Job, log: Log
) -> None:
    open_ones = [open_stream(events(site, job), token) for _ in range(200)]
    for each in open_ones:
        read_until(each, b"event: snapshot")
    viewers = [Viewer(events(site, job), token, seed=seed) for seed in range(3)]
    for viewer in viewers:
        viewer.start()
    with Client(site.url, bearer=token) as talking:
        wait_until(lambda: all(viewer.record.begun for viewer in viewers))
        before = [say(log, job, f"before {number}") for number in range(20)]
        begun = time.monotonic()
        site.signal(signal.SIGTERM)
        meanwhile = [say(log, job, f"meanwhile {number}") for number in range(20)]
        wait_until(lambda: not site.running, 5)
        assert time.monotonic() - begun < 5
        talking.connection.close()
    site.start()
    after = [say(log, job, f"after {number}") for number in range(20)]
    wait_until(lambda: all(heard(viewer, "after 19") for viewer in viewers))
    for viewer in viewers:
        record = viewer.stop()
        got = [int(message.id) for message in record.messages if message.event == "log"]
        assert got == before + meanwhile + after
    for each in open_ones:
        each.close()


def test_a_killed_server_costs_no_event(site: Web, token: str, job: Job, log: Log) -> None:
    viewers = [Viewer(events(site, job), token, seed=seed) for seed in range(5)]
    for viewer in viewers:
        viewer.start()
    wait_until(lambda: all(viewer.record.begun for viewer in viewers))
    sent = []
    for number in range(60):
        sent.append(say(log, job, f"line {number}"))
        if number == 20:
            site.kill()
        if number == 40:
            site.start()
    known = {str(job.pk): set(sent)}
    wait_until(lambda: all(heard(viewer, "line 59") for viewer in viewers))
    for record in [viewer.stop() for viewer in viewers]:
        assert list(violations(record.messages, known)) == []
        assert [int(m.id) for m in record.messages if m.event == "log"] == sent
        assert record.faults == []


def test_a_server_that_stood_still_goes_on_where_it_was(
    site: Web, token: str, job: Job, log: Log
) -> None:
    viewer = Viewer(events(site, job), token)
    viewer.start()
    wait_until(lambda: viewer.record.begun)
    site.signal(signal.SIGSTOP)
    sent = [say(log, job, f"line {number}") for number in range(100)]
    time.sleep(2)
    site.signal(signal.SIGCONT)
    wait_until(lambda: heard(viewer, "line 99"))
    record = viewer.stop()
    assert [int(m.id) for m in record.messages if m.event == "log"] == sent


def test_after_thousands_of_visits_nothing_is_left(
    site: Web, valkey: Valkey, token: str, alice: User, many: Many, record_property: Figure
) -> None:
    """F45, F51"""
    chance, visits = random.Random(1), many(1_000, thorough=10_000)
    jobs = [make_job(alice) for _ in range(10)]

    def held() -> dict[str, int]:
        with valkey.client() as client:
            channels = len(client.pubsub_channels())
        return {
            "files": descriptors(site),
            "threads": of_status(site, "Threads"),
            "channels": channels,
        }

    visit(site, token, jobs, 50, chance)
    wait_until(lambda: held()["channels"] == 0)
    base, memory = held(), of_status(site, "VmRSS")
    begun = time.monotonic()
    visit(site, token, jobs, visits, chance)
    took = time.monotonic() - begun
    wait_until(lambda: all(held()[name] <= base[name] + 2 for name in base))
    with valkey.client() as client:
        assert client.info("clients")["connected_clients"] < 15
    more = of_status(site, "VmRSS") - memory
    assert more < KEPT
    record_property("visits", visits)
    record_property("seconds", round(took))
    record_property("kB more", more)
    record_property("left", held())
    record_property("before", base)


def visit(site: Web, token: str, jobs: list[Job], count: int, chance: random.Random) -> None:
    """Opens streams and leaves them at any moment; what has come until then is of the job asked
    for."""
    waiting: list[tuple[socket.socket, Job]] = []
    for _ in range(count):
        job = chance.choice(jobs)
        connection = open_stream(events(site, job), token)
        leaves = chance.random()
        if leaves < 0.3:
            reset(connection)
        elif leaves < 0.6:
            waiting.append((connection, job))
        else:
            check(read_until(connection, str(job.pk).encode()), job, jobs)
            connection.close()
        if len(waiting) > 20:
            late, asked = waiting.pop(0)
            check(late.recv(65536), asked, jobs)
            reset(late) if chance.random() < 0.5 else late.close()
    for late, _ in waiting:
        late.close()


def check(got: bytes, asked: Job, jobs: list[Job]) -> None:
    """No other job's name is in what came."""
    assert not any(str(other.pk).encode() in got for other in jobs if other != asked)


def test_who_never_reads_costs_a_bounded_sum_and_nobody_else(
    site: Web, token: str, alice: User, bob: User, log: Log, many: Many, record_property: Figure
) -> None:
    """F46: they come back as soon as they have been sent away, and do not read then either."""
    loud, quiet = make_job(alice), make_job(bob)
    theirs, deaf = tokens.issue(bob)[1], list[socket.socket]()
    before, most, slowest = of_status(site, "VmRSS"), 0, 0.0
    rounds, count = many(1, thorough=15), many(100, thorough=200)
    for _ in range(rounds):
        for each in deaf:
            each.close()
        deaf = [open_stream(events(site, loud), token, buffer=4096) for _ in range(count)]
        with open_stream(events(site, quiet), theirs) as other:
            read_until(other, b"event: snapshot")
            for number in range(400):
                say(log, loud, f"{number} " + "x" * 1500)
            begun = time.monotonic()
            say(log, quiet, "for others")
            read_until(other, b"for others")
            slowest = max(slowest, time.monotonic() - begun)
        most = max(most, of_status(site, "VmRSS") - before)
    assert most * 1024 < count * 2 * MOST
    for each in deaf:
        each.close()
    record_property("streams that are not read", rounds * count)
    record_property("events", rounds * 400)
    record_property("most kB more", most)
    record_property("slowest event for others", f"{slowest:.3f} s")


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT", "DELETE"])
def test_only_get_opens_a_stream(
    method: str, site: Web, valkey: Valkey, token: str, job: Job
) -> None:
    with valkey.client() as client:
        wait_until(lambda: client.pubsub_channels() == [])  # those of the test before
        with open_stream(events(site, job), token, method=method) as asked:
            status = read_until(asked, b"\r\n\r\n").split(b" ", 2)[1]
            assert status in {"HEAD": [b"200"], "OPTIONS": [b"200", b"204"]}.get(method, [b"405"])
            assert client.pubsub_channels() == []


def test_one_user_s_many_streams_leave_the_others_alone(
    site: Web, token: str, bob: User, job: Job, log: Log
) -> None:
    many = [open_stream(events(site, job), token) for _ in range(500)]
    for each in many:
        read_until(each, b"event: snapshot")
    theirs = make_job(bob)
    other = open_stream(events(site, theirs), tokens.issue(bob)[1])
    read_until(other, b"event: snapshot")
    for number in range(5):
        begun = time.monotonic()
        say(log, job, "to 500")
        say(log, theirs, f"number {number}")
        read_until(other, f"number {number}".encode())
        assert time.monotonic() - begun < 2
    for each in [*many, other]:
        each.close()
