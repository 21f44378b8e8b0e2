"""Redis says nothing for long, or the network of viewers does: the streams of the others go on, and
nothing is kept for who has vanished. Faults F44 and F47."""

import time
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import Job
from headway.stream import Event
from headway.web import tokens
from tests.support.island import Island
from tests.support.processes import wait_until
from tests.support.servers import Serve, Uvicorn
from tests.support.sockets import Crowd, open_stream
from tests.support.stack import Valkey, Web
from tests.support.thorough import Figure, Many

STALE = b'{"stale":true}'
FRESH = b'{"stale":false}'
AGE = 6
"""Seconds after which streams to the island end, give or take a tenth."""
SILENCE = 15
"""Seconds of silence that a stream is allowed."""


@pytest.fixture(scope="module")
def web(many: Many, serve: Serve) -> Web:
    keepalive = many(2, thorough=15)
    return serve(Web, STREAM_MAX_PER_USER="1000", STREAM_KEEPALIVE=str(keepalive))


@pytest.fixture(scope="module")
def island() -> Iterator[Island]:
    with Island() as opened:
        yield opened


@pytest.fixture(scope="module", params=[Web, Uvicorn], ids=["daphne", "uvicorn"])
def harbour(request: pytest.FixtureRequest, island: Island, serve: Serve) -> Web:
    """A server that the island can reach."""
    limits = {"STREAM_MAX_AGE": str(AGE), "STREAM_MAX_PER_USER": "1000", "STREAM_KEEPALIVE": "2"}
    return serve(request.param, host=island.here, ALLOWED_HOSTS=island.here, **limits)


def make_jobs(owner: User, count: int) -> list[Job]:
    made = [Job.objects.create(kind="simulate", title="x", owner=owner) for _ in range(count)]
    for job in made:
        announce.created(job)
    return made


@pytest.mark.usefixtures("transactional_db")
def test_streams_live_through_a_redis_that_hangs_and_catch_up_at_once(
    web: Web, valkey: Valkey, alice: User, many: Many, record_property: Figure
) -> None:
    """F44"""
    count, pause = many(20, thorough=200), many(7, thorough=20)
    (job,), token = make_jobs(alice, 1), tokens.issue(alice)[1]
    url = f"{web.url}/jobs/{job.pk}/events/?heartbeat="
    after = Event("log", {"job": str(job.pk), "text": "after"})
    with Crowd([open_stream(url, token) for _ in range(count)]) as crowd:
        crowd.read_until(lambda: crowd.all_have(b"event: snapshot"))
        valkey.pause()
        paused = time.monotonic()
        # Told at once when it is known, and said again as a sign of life
        crowd.read_until(lambda: all(got.count(STALE) > 1 for got in crowd.got.values()))
        crowd.read_until(lambda: time.monotonic() > paused + pause)
        valkey.resume()
        resumed = time.monotonic()
        log().append(str(job.pk), after, attempt=0)
        crowd.read_until(lambda: crowd.all_have(b'"after"'))
        took = time.monotonic() - resumed
        crowd.read_until(
            lambda: all(got.rfind(FRESH) > got.rfind(STALE) for got in crowd.got.values())
        )
    assert took < 2
    assert crowd.silence < SILENCE
    record_property("streams", count)
    record_property("seconds without Redis", round(resumed - paused, 1))
    record_property("longest silence", f"{crowd.silence:.1f} s")
    record_property("caught up after", f"{took:.2f} s")


@pytest.mark.usefixtures("transactional_db")
def test_streams_into_a_network_that_is_gone_end_by_their_age(
    island: Island,
    harbour: Web,
    valkey: Valkey,
    alice: User,
    many: Many,
    record_property: Figure,
) -> None:
    """F47: nobody is told, neither by FIN nor by RST."""
    count = many(20, thorough=200)
    urls = [f"{harbour.url}/jobs/{job.pk}/events/" for job in make_jobs(alice, count)]
    token = tokens.issue(alice)[1]
    viewer = island.inhabitant("tests.faults.far_away", *urls, TOKEN=token)
    try:
        with valkey.client() as client:
            viewer.start()
            viewer.wait_for(lambda: "reading" in viewer.output)
            open_ones = len(client.pubsub_channels())
            assert open_ones >= count
            island.pull_the_cable()
            pulled = time.monotonic()
            wait_until(lambda: client.pubsub_channels() == [])
        took = time.monotonic() - pulled
    finally:
        island.plug_in()
        viewer.kill()
    assert took < AGE * 1.1 + 2
    record_property("streams", open_ones)
    record_property("none left after", f"{took:.1f} s of a stream's {AGE} s")
