"""Spans of OpenTelemetry from a job's start to its end, if `opentelemetry-api` is installed. They
hold no texts of exceptions, which may hold secrets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

try:
    from opentelemetry import propagate, trace
    from opentelemetry.trace import Status, StatusCode

    INSTALLED = True
except ImportError:  # an optional extra
    INSTALLED = False


@contextmanager
def span(name: str, carrier: Any = None, **attributes: Any) -> Iterator[None]:
    """Within it, what is done is a span, below that which `carrier` (headers of a message) names,
    else below the current one. Attributes that are None are left out."""
    if not INSTALLED:
        yield
        return
    known = {f"headway.{key}": value for key, value in attributes.items() if value is not None}
    with trace.get_tracer("headway").start_as_current_span(
        name,
        context=propagate.extract(texts) if (texts := _texts(carrier)) else None,
        attributes=known,
        record_exception=False,
        set_status_on_exception=False,
    ):
        yield


def note(*, failed: bool = False, **attributes: Any) -> None:
    """Adds attributes to the current span, and whether what it stands for has failed."""
    if not INSTALLED:
        return
    current = trace.get_current_span()
    for key, value in attributes.items():
        current.set_attribute(f"headway.{key}", value)
    if failed:
        current.set_status(Status(StatusCode.ERROR))


def carried() -> dict[str, str]:
    """Headers with which another process makes its spans below the current one."""
    headers: dict[str, str] = {}
    if INSTALLED:
        propagate.inject(headers)
    return headers


def _texts(carrier: Any) -> dict[str, str]:
    known = carrier if isinstance(carrier, Mapping) else {}
    return {str(key): value for key, value in known.items() if isinstance(value, str)}
