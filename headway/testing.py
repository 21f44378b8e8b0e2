"""For tests of a project's own tasks: runs one as a job, in a plain TestCase, without Redis, worker
or thread."""

import json
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from asgiref.sync import sync_to_async
from celery.exceptions import Ignore, Retry
from django.core.files.storage import default_storage
from django.db.models.functions import Now
from django.http import StreamingHttpResponse
from django.test import AsyncClient
from django.urls import reverse

from headway.kinds.registry import JobTask
from headway.lifecycle import actions, files, lease
from headway.models import Attempt, Job, Status
from headway.stream import Cancelled, Event
from headway.stream.event import Problem, Progress
from headway.stream.sse import Decoder
from headway.worker.runner import Runner
from headway.worker.unseen import UnseenReporter

REPORTS = 10_000
WORKER = "run_job"

CancelAt = float | Callable[[Progress], bool]


class FakeTime:
    """A clock that stands still until it is told to go on: `run_job(..., clock=FakeTime())`."""

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Seconds since it was made."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Lets so much time pass. `sleep` is the same, to stand for `time.sleep`."""
        self._now += seconds

    sleep = advance


@dataclass
class JobRun:
    """What became of a job that `run_job` has run."""

    job: Job
    """Its row; `status`, `result`, `percent`, `reason` and `error` are of it."""
    checkpoint: Any = None
    """The last one, also one that it began with."""
    error: str = ""
    """The traceback, as the admin shows it; "" unless it failed."""
    exception: BaseException | None = None
    """What the task raised, or what stands for it where its text holds a secret."""
    messages: list[str] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    """`item` and `reason` of each, of the first hundred."""
    lines: list[str] = field(default_factory=list)
    """The last 200 lines of the log, warnings among them."""
    output: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """The result files' contents by name; what was stored of the job is deleted again."""
    reports: "deque[Progress]" = field(default_factory=lambda: deque(maxlen=REPORTS))
    """Every state of the bar, oldest first: `percent`, `current`, `total`, `message`, `phase`,
    `rate`, `eta`, `elapsed`, ... as docs/protocol.md has them; the last ten thousand."""

    @property
    def status(self) -> str:
        """succeeded, failed or cancelled; queued after Celery's `retry`, which is not followed."""
        return str(self.job.status)

    @property
    def result(self) -> Any:
        """What the task returned, as it comes back from the database."""
        return self.job.result

    @property
    def percent(self) -> float | None:
        """Where the bar stands in the end."""
        return self.job.percent

    @property
    def reason(self) -> str:
        """The sentence that users read."""
        return self.job.reason

    def hear(self, event: Event) -> None:
        """Takes in what the task says."""
        if event.kind == "output":
            self.output += event.data["text"]
        elif event.kind == "progress":
            self.reports.append(cast("Progress", dict(event.data)))
            for said, new in (
                (self.messages, event.data["message"]),
                (self.phases, event.data["phase"]),
            ):
                if new and said[-1:] != [new]:
                    said.append(new)


def run_job(
    task: Any,
    params: Mapping[str, Any] | None = None,
    /,
    *,
    owner: Any = None,
    restored: Any = None,
    cancel_at: CancelAt | None = None,
    clock: Callable[[], float] = time.monotonic,
    **more: Any,
) -> JobRun:
    """Runs one attempt of a `@job_task` here and now, and returns what became of it.

    Parameters are those of the task, as keywords or, where one is called like an option of ours,
    in a mapping. `restored` is a checkpoint to go on from. `cancel_at` cancels the job as soon as
    so much is done (`current`), or a function of the bar's state says so. Rates, ETA and elapsed
    times are measured by `clock`. Raises ActionError when the parameters do not fit.
    """
    given = {**(params or {}), **more}
    job = actions.start(task.job_kind, given, owner=owner, publish=False)
    run = JobRun(job)
    try:
        attempt = _claimed(job, restored)
        reporter = UnseenReporter(attempt, run.hear, clock=clock)
        if cancel_at is not None:
            reporter.hear_also(_canceller(reporter, job, cancel_at))
        with _request(task, job):
            _run(task, attempt, reporter, run)
        _read(run, attempt)
    finally:
        files.delete_all_of(job.pk)
    return run


@dataclass(frozen=True)
class Frame:
    """One event of a stream: its name, its id and its data, parsed where they are JSON."""

    event: str
    id: str
    data: Any


async def stream(client: AsyncClient, job: Job | None = None, **headers: Any) -> list[Frame]:
    """The frames of a finished job's stream, up to its end; of a running one's until it ends."""
    return [frame async for frame in follow(client, job, **headers)]


async def follow(
    client: AsyncClient, job: Job | None = None, **headers: Any
) -> AsyncGenerator[Frame, None]:
    """Frames of a job's stream, or of all of the user's jobs, as they come. Needs Redis. Raises
    AssertionError when the answer is no stream."""
    url = reverse("headway:job_events", args=[job.pk]) if job else reverse("headway:my_events")
    response = await client.get(url, headers=headers or None)
    assert response.status_code == 200, f"{url} answered {response.status_code}"  # noqa: S101 - for tests
    pieces = cast("StreamingHttpResponse", response).streaming_content
    try:
        async for frame in frames(cast("AsyncIterable[bytes]", pieces)):
            yield frame
    finally:
        await sync_to_async(response.close)()


async def frames(pieces: AsyncIterable[bytes]) -> AsyncGenerator[Frame, None]:
    """The frames in the bytes of a stream, whoever they come from."""
    decoder = Decoder()
    async for piece in pieces:
        for message in decoder.feed(piece):
            yield Frame(message.event, message.id, _parsed(message.data))


def _parsed(data: str) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data


def _claimed(job: Job, restored: Any) -> Attempt:
    Job.objects.filter(pk=job.pk).update(not_before=None)
    if restored is not None:
        Job.objects.filter(pk=job.pk).update(attempt=1)
        Attempt.objects.create(
            job=job,
            number=1,
            status=Status.LOST,
            worker=WORKER,
            started_at=Now(),
            finished_at=Now(),
            checkpoint=restored,
        )
    attempt = lease.claim(job.pk, WORKER)
    assert attempt is not None, f"job {job.pk} is taken"  # noqa: S101 - just made
    return attempt


def _canceller(
    reporter: UnseenReporter, job: Job, cancel_at: CancelAt
) -> Callable[[Event], object]:
    asked = False

    def look(event: Event) -> None:
        nonlocal asked
        if event.kind != "progress" or asked:
            return
        bar = cast("Progress", dict(event.data))
        done = bar["current"]
        reached = cancel_at(bar) if callable(cancel_at) else done is not None and done >= cancel_at
        if reached:
            asked = True
            actions.cancel(job)
            reporter.interrupt(Cancelled)

    return look


@contextmanager
def _request(task: Any, job: Job) -> Iterator[None]:
    """Within it, the task's `request` is like that of an eager run."""
    task.push_request(
        id=str(job.pk),
        task=task.name,
        args=(),
        kwargs={},
        hostname=WORKER,
        is_eager=True,
        called_directly=False,
        retries=0,
    )
    try:
        yield
    finally:
        task.pop_request()


def _run(task: JobTask, attempt: Attempt, reporter: UnseenReporter, run: JobRun) -> None:
    try:
        Runner(task, attempt, reporter).run()
    except (Ignore, Retry):
        pass  # what Celery is told of a cancel, and of another attempt
    except Exception as error:  # noqa: BLE001 - the run has it, for the test to look at
        run.exception = error


def _read(run: JobRun, attempt: Attempt) -> None:
    run.job.refresh_from_db()
    attempt.refresh_from_db()
    run.error, run.warnings = attempt.error, attempt.warnings
    run.lines = [line["text"] for line in attempt.lines]
    kept = Attempt.objects.filter(job=run.job, checkpoint__isnull=False).order_by("-number")
    run.checkpoint = kept.values_list("checkpoint", flat=True).first()
    for name in run.job.files:
        with default_storage.open(run.job.file_path(name)) as file:
            run.files[name] = file.read()
