"""How a worker's parent process vouches that observed tasks still run. It falls silent with its
machine, and for a task whose end was not recorded."""

import logging
import time

from celery.worker import state
from django.db import Error, connections

from headway.conf import conf
from headway.lifecycle import observed

logger = logging.getLogger(__name__)
_said = float("-inf")


def vouch() -> None:
    """Called at every heartbeat; says it as often as leases are renewed. Raises nothing."""
    global _said
    active = [request.id for request in state.active_requests if not _is_job(request)]
    if not active or time.monotonic() - _said < conf.JOB_LEASE_RENEW:
        return
    try:
        observed.vouch(active)
    except Error as error:
        logger.warning("The database did not take which tasks run: %s", error)
        return
    finally:
        connections.close_all()
    _said = time.monotonic()


def _is_job(request: object) -> bool:
    return bool(getattr(getattr(request, "task", None), "job_kind", ""))
