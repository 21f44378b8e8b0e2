"""Loaded by a worker on a machine where a child of the pool needs six seconds to be ready."""

import time
from typing import Any

from celery.signals import worker_process_init


@worker_process_init.connect
def dawdle(**_: Any) -> None:
    time.sleep(6)
