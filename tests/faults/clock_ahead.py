"""Loaded by a worker whose clock is two hours ahead, as Redis as broker sees it."""

import time

from kombu.transport import redis

from progress.celery import app
from tests.faults import impatient_broker

assert impatient_broker  # which looks every second for what another worker has held for long
app.conf.broker_transport_options["visibility_timeout"] = 3600
redis.time = lambda: time.time() + 7200  # type: ignore[attr-defined]  # a function that it imported
