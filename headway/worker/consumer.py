"""The part of a worker's parent process that takes messages, kept alive through a lost broker."""

import logging

from celery.worker.consumer import Consumer

logger = logging.getLogger(__name__)


class JobConsumer(Consumer):
    """Connects anew where Celery's would end the worker, and the jobs in it."""

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Celery 5.7 closes the lost connection twice. The second time kombu cannot give back
        what runs (an AttributeError), which need not be: the lease holds it."""
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            logger.warning("The lost connection to the broker is left as it is: %s", error)
