"""Messages of one task that differ by the id of their job alone: Celery writes the first of them,
and the others are copies, which cost a fifth (docs/performance.md, jobs)."""

from collections.abc import Mapping, Sequence
from typing import Any

from celery import current_app, signals

from headway.models import Job


def can_stand_for(jobs: Sequence[Job]) -> bool:
    """Whether copies say all that Celery would: no options of one job's own, and nobody who has to
    see each message before it leaves."""
    heard = signals.before_task_publish.receivers or signals.task_sent.receivers
    if heard or current_app.conf.task_send_sent_event:
        return False
    return not any(job.options or job.not_before for job in jobs)


def publish(task: Any, jobs: Sequence[Job], producer: Any) -> None:
    """Sends the messages of jobs of a task. Raises what the broker's library raises."""
    written = _Written(producer)
    task.publish(jobs[0], producer=written)
    for job in jobs[1:]:
        options = _named(written.options, str(jobs[0].pk), str(job.pk))
        producer.publish(written.body, **options)
        told = {name: options[name] for name in ("headers", "exchange", "routing_key")}
        signals.after_task_publish.send(sender=task.name, body=written.body, **told)


class _Written:
    """Celery's producer, and what it was asked to publish."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self.body: Any = None
        self.options: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    def publish(self, body: Any, **options: Any) -> Any:
        """As kombu's. A copy is not retried by itself: whoever publishes many tries all again."""
        self.body, self.options = body, {**options, "retry": False}
        return self._producer.publish(body, **options)


def _named(options: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """With the id of another job in the headers, and in the properties beside them."""
    named = {name: new if value == old else value for name, value in options.items()}
    headers = options["headers"].items()
    return named | {"headers": {name: new if value == old else value for name, value in headers}}
