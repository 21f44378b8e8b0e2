"""The part of a worker's parent process that takes messages; it survives a lost broker, and any
message in the queue."""

import logging
from collections.abc import Callable
from typing import Any

from celery import signals
from celery.worker.consumer import Consumer, Control

from headway.worker import messages

logger = logging.getLogger(__name__)


class JobConsumer(Consumer):
    """Reconnects where Celery's would end the worker, and the jobs in it. Drops, in one line,
    what is no message of a task."""

    connection_errors: tuple[type[Exception], ...]  # the stubs do not know them
    channel_errors: tuple[type[Exception], ...]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for step in self.steps:  # type: ignore[attr-defined]  # not in the stubs
            if isinstance(step, Control):
                self._bound(step.box.node)  # type: ignore[attr-defined]  # neither

    def _bound(self, node: Any) -> None:
        """Has the remote control drop in one line what is no command, or none that takes these
        arguments: whoever can publish would fill the log with tracebacks, and have Celery open the
        control's channel again each time."""

        def careful(handle: Callable[..., Any], unknown: Any) -> Callable[..., Any]:
            def take(*args: Any, **kwargs: Any) -> Any:
                try:
                    return handle(*args, **kwargs)
                except (*self.connection_errors, *self.channel_errors) as error:
                    if not isinstance(error, KeyError):
                        raise
                    messages.refuse(error)
                except Exception as error:  # noqa: BLE001 - of whatever kind, as below
                    messages.refuse(error)
                return unknown

            return take

        # The one has what a command raises, the other what is none
        node.handle = careful(node.handle, {"error": "the worker cannot do that"})
        node.handle_message = careful(node.handle_message, None)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Celery 5.7 closes the lost connection twice. The second time kombu cannot give back
        what runs (an AttributeError), which need not be: the lease holds it."""
        try:
            super().on_connection_error_after_connected(exc)
        except AttributeError as error:
            logger.warning("The lost connection to the broker is left as it is: %s", error)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Celery's, for messages that hold what it expects."""
        handle = super().create_task_handler(*args, **kwargs)
        # To kombu a KeyError is a descriptor that it has forgotten; here a message lacks something
        lost = tuple({*self.connection_errors, *self.channel_errors} - {KeyError})

        def take(message: Any) -> None:
            try:
                messages.require_task(message.headers, message.properties, message.payload)
                handle(message)
            except lost:
                raise
            except Exception as error:  # noqa: BLE001 - of whatever kind: the next worker would die
                self._drop(message, error)

        return take

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        del body
        self._drop(message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        self._drop(message, exc)

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """As in a deploy, from newer code: the janitor of that sends a job's message again."""
        del body
        name = message.headers["task"]
        unknown = messages.MessageError(f"Received unregistered task of type {name!r}")
        self._drop(message, unknown.with_traceback(exc.__traceback__))
        signals.task_unknown.send(
            sender=self, message=message, exc=exc, name=name, id=message.headers["id"]
        )

    def _drop(self, message: Any, error: Exception) -> None:
        messages.refuse(error)
        if not message.acknowledged:
            message.reject_log_error(logger, self.connection_errors)
        signals.task_rejected.send(sender=self, message=message, exc=error)
