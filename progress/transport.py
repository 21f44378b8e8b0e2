"""The queue in Redis as Celery reads it, but for what is no message at all."""

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis

logger = logging.getLogger(__name__)


class Channel(redis.Channel):
    """Drops what somebody else has put into the list: Celery's own would end the worker with it,
    and the jobs in it."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # not in the stubs
        except (ValueError, TypeError, AttributeError) as error:
            logger.error("Something that is no message was in the queue, and is dropped: %s", error)
            raise Empty from error


class Transport(redis.Transport):
    """Kombu's, with channels of ours."""

    Channel = Channel
