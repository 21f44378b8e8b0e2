"""The core of the faults on our build and on a naive one: each must find nothing wrong with ours,
and something with the other, or it would prove nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults.crew import BOUND
from tests.faults.ledger import runs
from tests.naive.builds import Build, Naive, Ours
from tests.support.processes import wait_until
from tests.support.stack import Valkey

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("transactional_db")]


@pytest.fixture(scope="module")
def builds(valkey: Valkey, django_db_setup: None) -> Iterator[dict[str, Build]]:
    """Both builds, running."""
    valkey.flush()
    made: dict[str, Build] = {"ours": Ours(valkey), "naive": Naive(valkey)}
    for build in made.values():
        build.begin()
    yield made
    for build in made.values():
        build.end()


@pytest.fixture(params=["ours", "naive"])
def build(request: pytest.FixtureRequest, builds: dict[str, Build]) -> Build:
    """Each build."""
    return builds[request.param]


def killed_worker(build: Build, ledger: Path) -> Iterator[str]:
    """F9: the worker is killed with a job in it and started again."""
    job = build.start(ledger, 3)
    wait_until(lambda: runs(ledger))
    build.worker.kill()
    build.worker.start()
    with suppress(AssertionError):
        wait_until(lambda: build.status(job) != "running", BOUND)
    if build.status(job) == "running":
        yield f"shown as running {BOUND} s after nobody worked on it any more"
    with suppress(AssertionError):
        wait_until(lambda: build.ended(job), 12 if build.status(job) == "queued" else 0)
    if not build.ended(job):
        yield "it never ends"


def refused_start(build: Build, ledger: Path) -> Iterator[str]:
    """F1: the broker is away when somebody starts a job, and comes back."""
    build.valkey.kill()
    begun, job = time.monotonic(), ""
    try:
        job = build.start(ledger, 0.1)
    except Exception as error:  # noqa: BLE001 - whatever the person would see
        yield f"the person is shown {type(error).__name__}"
    took = time.monotonic() - begun
    if took > 3.5:
        yield f"the answer took {took:.1f} s"
    build.valkey.start()
    with suppress(AssertionError):
        wait_until(lambda: not job or build.ended(job), 20)
    if not job or not build.ended(job):
        yield "the job never ran"


def second_delivery(build: Build, ledger: Path) -> Iterator[str]:
    """F3, F7, F13: one job, two messages."""
    job = build.start(ledger, 1)
    build.deliver_again(job)
    wait_until(lambda: build.ended(job))
    time.sleep(0.5)  # in which a second run would be seen
    if len(runs(ledger)) > 1:
        yield f"it ran {len(runs(ledger))} times"


def lost_messages(build: Build, ledger: Path) -> Iterator[str]:
    """Live messages are lost with the connection that they come by, which is cut for a moment."""
    job = build.start(ledger, 4)
    wait_until(lambda: runs(ledger))
    build.watch(job)
    with build.valkey.client() as client:
        for _ in range(60):
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            time.sleep(0.01)
    yield from build.missed(job)


def flushed(build: Build, ledger: Path) -> Iterator[str]:
    """F21: Redis loses everything while jobs wait."""
    build.worker.kill()
    jobs = [build.start(ledger, 0.1) for _ in range(3)]
    build.valkey.flush()
    build.worker.start()
    with suppress(AssertionError):
        wait_until(lambda: all(build.ended(job) for job in jobs), BOUND)
    if waiting := [job for job in jobs if not build.ended(job)]:
        yield f"{len(waiting)} jobs wait for ever"


@pytest.mark.parametrize(
    "fault", [killed_worker, refused_start, second_delivery, lost_messages, flushed]
)
def test_a_fault_is_survived_here_and_noticed_in_the_naive_build(
    build: Build, fault: Callable[[Build, Path], Iterator[str]], tmp_path: Path
) -> None:
    found = list(fault(build, tmp_path / "ledger"))
    if isinstance(build, Naive):
        assert found, "this test proves nothing"
    else:
        assert found == []
