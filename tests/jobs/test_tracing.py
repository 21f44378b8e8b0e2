"""Spans of OpenTelemetry, through a real broker."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headway import tracing
from headway.lifecycle import actions, dispatch
from headway.worker.request import JobRequest
from tests.jobs import kinds
from tests.jobs.waiting import reload
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey

assert kinds
pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What the spans of this process are told of, once they have ended."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)  # it can be set once only
    yield exporter
    provider.shutdown()


def run_next() -> None:
    """Takes the next message and runs it in this process, as a worker's pool does."""
    with current_app.connection_for_read() as connection:
        queue: Any = connection.SimpleQueue("celery")
        message = queue.get(timeout=PATIENCE)
        task: Any = current_app.tasks[message.headers["task"]]
        JobRequest(message, app=current_app, hostname="here", task=task).execute()
        queue.close()


def by_name(exporter: InMemorySpanExporter) -> dict[str, Any]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_job_is_one_trace_from_its_start_to_its_end(exported: InMemorySpanExporter) -> None:
    with trace.get_tracer("site").start_as_current_span("POST /jobs/start/"):
        job = actions.start("add", {"a": 1})
    run_next()
    assert reload(job).status == "succeeded"
    spans = by_name(exported)
    below = [spans[f"headway.{name}"] for name in ("start", "publish", "attempt", "settle")]
    parents = [spans["POST /jobs/start/"], *below]
    assert [span.parent.span_id for span in below] == [
        span.context.span_id for span in parents[:-1]
    ]
    assert len({span.context.trace_id for span in parents}) == 1
    assert {span.attributes["headway.job"] for span in below[:3]} == {str(job.pk)}
    assert below[2].attributes["headway.status"] == "succeeded"
    assert below[2].attributes["headway.attempt"] == 1


def test_a_job_that_the_janitor_publishes_belongs_to_the_trace_of_its_start(
    exported: InMemorySpanExporter, valkey: Valkey
) -> None:
    job = actions.start("broken", {"text": "a secret"})
    valkey.flush()  # the message is lost
    assert dispatch.publish(reload(job))
    run_next()
    spans = by_name(exported)
    attempt = spans["headway.attempt"]
    assert attempt.context.trace_id == spans["headway.start"].context.trace_id
    assert not attempt.status.is_ok
    assert "secret" not in attempt.to_json()


def test_without_the_package_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "INSTALLED", False)
    with tracing.span("headway.start", {"traceparent": "x"}, job="1"):
        tracing.note(status="failed", failed=True)
        assert tracing.carried() == {}
