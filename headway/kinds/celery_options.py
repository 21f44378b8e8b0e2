"""Celery's options of one start, as stored in the row until the message is published."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast

from celery import current_app
from kombu import Queue
from kombu.utils.json import dumps, loads

from headway import logs, tracing
from headway.kinds import registry, secrets
from headway.kinds.registry import JobTask

OF_THE_CALL = frozenset(
    {"add_to_parent", "connection", "ignore_result", "producer", "publisher", "result_cls"}
    | {"retry", "retry_policy", "router", "task_id", "task_type", "argsrepr", "kwargsrepr"}
)
"""Options that mean the publishing process, not the message, or arguments that are not in it."""
REQUEST = "headway_request"
"""A header of the message: the id of the web request in which the job was started."""


class Wanted(NamedTuple):
    """What a start asks for."""

    stored: dict[str, Any]
    """JSON for `Job.options`; `restored` turns it into options for Celery."""
    queue: str
    delay: float
    """Seconds until it may run."""


def wanted(task: JobTask, options: Mapping[str, Any]) -> Wanted:
    """Sorts the options of one `apply_async`. Raises TypeError for what JSON cannot hold."""
    kept = {k: v for k, v in options.items() if k not in OF_THE_CALL and v is not None}
    delay = seconds_until(kept.pop("eta", None) or kept.pop("countdown", None) or 0)
    kept.pop("countdown", None)
    expires = kept.get("expires", task.expires)
    if expires is not None:
        # An absolute time, or each new publish would put it off.
        kept["expires"] = datetime.now(UTC) + timedelta(seconds=seconds_until(expires))
    queue = queue_of(task, kept)
    if isinstance(kept.get("queue"), Queue):
        kept["queue"] = queue
    kept = carrying(kept)
    stored = secrets.closed(json.loads(dumps(kept)), registry.secrets_of_task) if kept else {}
    return Wanted(stored, queue, max(0.0, delay))


def carrying(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options with headers that say where the job was asked for, to logs and traces."""
    said = tracing.carried() | ({REQUEST: found} if (found := logs.request_id()) else {})
    return {**options, "headers": {**headers(options), **said}} if said else {**options}


def reusable(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options for another run, without what an earlier one used up."""
    kept = {name: value for name, value in options.items() if name not in ("expires", "retries")}
    return carrying(kept)


def headers(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that a message has beside Celery's own."""
    return dict(options.get("headers") or {})


def restored(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Options as Celery takes them, from `Job.options`."""
    options: dict[str, Any] = loads(json.dumps(stored)) if stored else {}
    return options


def seconds_until(moment: float | datetime | str) -> float:
    """Seconds from now until what Celery calls a countdown, an eta or an expiry."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if isinstance(moment, datetime):
        known = moment if moment.tzinfo else moment.replace(tzinfo=current_app.timezone)
        return (known - datetime.now(UTC)).total_seconds()
    return float(moment)


def seconds_left(due: datetime | None) -> float:
    """Seconds until a job may run, 0 for one that may at once."""
    return max(0.0, seconds_until(due)) if due else 0.0


def queue_of(task: JobTask, options: Mapping[str, Any]) -> str:
    """The name of the queue that a task is published to with these options."""
    chosen = options.get("queue") or getattr(task, "queue", None)
    if chosen is None:
        chosen = current_app.amqp.router.route({}, task.name, task_type=cast("Any", type(task)))[
            "queue"
        ]
    return str(getattr(chosen, "name", chosen))
