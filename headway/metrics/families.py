"""Every metric: its name, its labels, and which number it shows."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from django.core.exceptions import ImproperlyConfigured

try:
    from prometheus_client import CollectorRegistry, ProcessCollector
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeHistogramMetricFamily,
        GaugeMetricFamily,
    )
    from prometheus_client.exposition import choose_encoder
    from prometheus_client.metrics_core import Metric
except ImportError as error:
    sentence = 'Metrics need prometheus-client: pip install "django-headway[metrics]".'
    raise ImproperlyConfigured(sentence) from error

from headway.conf import conf
from headway.lifecycle.census import Census, Jobs, Present
from headway.stream.tally import KNOWN, Tally

Numbers = Mapping[Any, float]
"""Values by those of the labels, as a tuple of texts."""

STREAMS = {
    "open": ("headway_streams_open", "way"),
    "phase": ("headway_streams_phase", "phase"),
    "counted": ("headway_streams_counted", ""),
    "stale": ("headway_streams_stale", ""),
    "opened": ("headway_streams_opened", "way"),
    "refused": ("headway_streams_refused", "reason"),
    "resumed": ("headway_streams_resumed", "result"),
    "resyncs": ("headway_streams_resyncs", "reason"),
    "cut_off": ("headway_streams_cut_off", ""),
    "bytes": ("headway_streams_sent_bytes", "way"),
    "frames": ("headway_streams_sent_events", ""),
    "heard": ("headway_streams_received_messages", ""),
    "losses": ("headway_streams_connection_losses", ""),
}
"""Name and label of each number of headway/stream/tally.py."""

BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0)
"""Seconds."""


def exposition(found: Census, tally: Tally, accept: str) -> tuple[bytes, str]:
    """All metrics and their content type, as an `Accept` header asks for them. Of what was not
    found out in time there is no number."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collected([*_families(found, tally)]))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collected:
    """What prometheus_client takes metrics from."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        """All of them."""
        return self._families


def _families(found: Census, tally: Tally) -> Iterator[Metric]:
    parts = {"database": found.jobs, "redis": found.present, "stalled": found.stalled}
    up: Numbers = {(part,): answer is not None for part, answer in parts.items()}
    text = "1 if this part of the metrics was found out in time"
    yield _gauge("headway_part_up", text, up, "part")
    if found.jobs is not None:
        yield from _of_jobs(found.jobs)
    if found.present is not None:
        yield from _of_processes(found.present)
    if found.stalled is not None:
        stalled = {(kind,): number for kind, number in found.stalled.items()}
        yield _gauge("headway_jobs_stalled", "Running jobs that are stalled", stalled, "kind")
    yield from _of_streams(tally)


def _of_jobs(jobs: Jobs) -> Iterator[Metric]:
    active, due, later = (Counter[tuple[str, ...]]() for _ in range(3))
    oldest: dict[tuple[str, ...], float] = {}
    for each in jobs.active:
        active[each.kind, each.status] += each.number
        due[(each.queue,)] += each.due
        later[(each.queue,)] += each.number - each.due if each.status == "queued" else 0
        oldest[(each.queue,)] = max(oldest.get((each.queue,), 0.0), each.oldest or 0.0)
    ended = {(each.kind, each.status): each.number for each in jobs.ended}
    text = "Jobs that are queued, running or cancelling"
    yield _gauge("headway_jobs", text, active, "kind", "status")
    yield _gauge("headway_queue_jobs", "Queued jobs that are due", due, "queue")
    text = "Queued jobs that wait for their time, such as retries"
    yield _gauge("headway_queue_scheduled_jobs", text, later, "queue")
    text = "How long the first of the queued jobs that are due has waited"
    yield _gauge("headway_queue_oldest_job_age_seconds", text, oldest, "queue")
    text = "Jobs that ended in the last ten minutes"
    yield _gauge("headway_recent_jobs", text, ended, "kind", "status")
    text = "How long jobs that ended in the last ten minutes had waited"
    waited = ((each.kind, each.waited) for each in jobs.times)
    yield _histogram("headway_recent_jobs_wait_seconds", text, waited)
    text = "How long the last attempt of jobs that ended in the last ten minutes took"
    ran = ((each.kind, each.ran) for each in jobs.times)
    yield _histogram("headway_recent_jobs_run_seconds", text, ran)


def _of_processes(present: Present) -> Iterator[Metric]:
    workers, queues = present.workers, Counter[tuple[str, ...]]()
    for worker in workers:
        queues.update((queue,) for queue in worker.get("queues", ()))
    processes = sum(worker.get("processes", 0) for worker in workers)
    yield _gauge("headway_workers", "Workers that are alive", {(): len(workers)})
    yield _gauge("headway_worker_processes", "Jobs that they can run at once", {(): processes})
    yield _gauge("headway_queue_workers", "Workers that take from a queue", queues, "queue")
    yield _gauge("headway_janitors", "Janitors that are alive", {(): present.janitors})


def _of_streams(tally: Tally) -> Iterator[Metric]:
    for name, (metric, label) in STREAMS.items():
        known = KNOWN[name]
        numbers: Numbers = {(value,) if label else (): tally[name, value] for value in known.labels}
        kind = _counter if known.grows else _gauge
        yield kind(metric, known.meaning.capitalize(), numbers, *([label] if label else []))
    limit = {(): conf.STREAM_MAX}
    yield _gauge("headway_streams_max", "Streams that this process lets in at most", limit)


def _gauge(name: str, text: str, numbers: Numbers, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), numbers)


def _counter(name: str, text: str, numbers: Numbers, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), numbers)


def _filled(family: Any, numbers: Numbers) -> Metric:
    for labels, number in sorted(numbers.items()):
        family.add_metric(labels, number)
    metric: Metric = family
    return metric


def _histogram(name: str, text: str, seconds: Iterable[tuple[str, float]]) -> Metric:
    """Of what is now, not of all that ever was: a histogram whose counts may fall."""
    family = GaugeHistogramMetricFamily(name, text, labels=["kind"])
    kinds: dict[str, list[float]] = {}
    for kind, each in seconds:
        kinds.setdefault(kind, []).append(each)
    for kind, values in sorted(kinds.items()):
        counts = Counter(bisect_left(BUCKETS, value) for value in values)
        upto = accumulate(counts[index] for index in range(len(BUCKETS) + 1))
        names = [*map(str, BUCKETS), "+Inf"]
        family.add_metric([kind], [*zip(names, upto, strict=True)], sum(values))
    return family
