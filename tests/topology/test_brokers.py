"""The rolling restart on PostgreSQL, with Redis and with quorum queues of RabbitMQ as the queue."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings

from tests.support.postgresql import PostgreSQL
from tests.support.rabbitmq import RabbitMQ
from tests.support.thorough import Figure, Many
from tests.topology.test_rolling import BROKER


@pytest.mark.parametrize("make", [None, RabbitMQ], ids=["redis", "rabbitmq"])
def test_nobody_notices_a_rolling_restart_on_postgresql(
    make: Callable[[], RabbitMQ] | None, many: Many, record_property: Figure
) -> None:
    if not many(0, thorough=1):
        pytest.skip("takes minutes: pytest --thorough")
    database, broker = PostgreSQL.create(), make() if make else None
    try:
        if broker:
            broker.start()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-n", "0", "--no-cov", "-q", "-p", "no:randomly"),
                *(
                    "--thorough",
                    "--show-capture=no",
                    "--tb=short",
                    "tests/topology/test_rolling.py",
                ),
            ],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DATABASE_URL_OF_TESTS": database.url,
                BROKER: broker.url if broker else "",
            },
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        database.close()
        if broker:
            broker.close()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    figures = [line for line in done.stdout.splitlines() if "connections:" in line]
    record_property("figures", figures)
