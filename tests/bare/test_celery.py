"""One line gives the Celery app of any project what keeps jobs safe."""

import signal
from collections.abc import Iterator

import pytest

from tests.bare.conftest import Project
from tests.support.processes import Process, wait_until
from tests.support.stack import Valkey

CONF = """
from celery import current_app
conf = current_app.conf
print(conf.worker_prefetch_multiplier, conf.worker_consumer, conf.broker_connection_max_retries)
with current_app.connection_for_read() as connection:
    print(connection.transport.__module__, connection.default_channel.socket_timeout)
"""


@pytest.fixture
def worker(project: Project) -> Iterator[Process]:
    process = project.worker()
    process.start()
    process.wait_for(lambda: " ready." in process.output)
    yield process
    process.kill()


def test_the_defaults_are_there(project: Project) -> None:
    first, second = project.shell(CONF).splitlines()
    assert first == "1 headway.worker.consumer:JobConsumer None"
    assert second == "headway.worker.transport 2"


def test_what_the_project_says_itself_counts(project: Project) -> None:
    said = project.manage("shell", "--no-imports", "-c", CONF, BARE_PREFETCH="4")
    assert said.startswith("4 headway")


def test_a_worker_outlives_its_broker_and_what_is_no_message(
    project: Project, worker: Process, valkey: Valkey
) -> None:
    with valkey.client() as client:
        client.lpush("celery", "not a message")
    valkey.stop()
    valkey.start()
    job = project.start(steps=2, pause=0.01)
    wait_until(lambda: project.row(job)[0] == "succeeded")
    assert worker.running


def test_a_service_manager_that_ends_a_worker_and_its_pool_loses_no_job(
    project: Project, worker: Process
) -> None:
    job = project.start(steps=600)
    wait_until(lambda: project.row(job)[0] == "running")
    worker.signal_all(signal.SIGTERM)
    worker_ended = wait_until(lambda: not worker.running)
    assert worker_ended
    assert "Cold shutdown" in worker.output
    assert project.row(job) == ("queued", 1)
