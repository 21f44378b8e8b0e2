"""How many jobs there are and how long they take, and who works on them, for operators. Each number
costs the same however long the history is: active jobs and those that ended just now have an
index."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import wait
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.db.models import Count, DateTimeField, Min, Q, Value
from django.db.models.functions import Coalesce, Now

from headway.kinds import registry
from headway.lifecycle.lease import later
from headway.lifecycle.log import log
from headway.lifecycle.readiness import Question
from headway.models import ACTIVE, Job, Status
from headway.stream.event import is_stalled

DEADLINE = 0.8
"""Seconds that an answer waits for all parts."""
WINDOW = 600.0
"""Seconds for which a job counts as ended just now."""
SAMPLE = 5000
"""Jobs, the newest, whose times are read at most."""
MAX_LOOKED_AT = 1000
"""Running jobs of which it is found out whether they are stalled at most."""


KIND, QUEUE, STATUS = (Coalesce(name, Value("")) for name in ("kind", "queue", "status"))
"""What is grouped by, as expressions: SQLite would rather read the whole history in the order of an
index on columns than sort what little it is asked for."""


class Active(NamedTuple):
    """Active jobs of one kind in one queue. `due`: those that are queued and need not wait for a
    time; `oldest`: seconds that the first of these has waited (None: there is none)."""

    kind: str
    queue: str
    status: str
    number: int
    due: int
    oldest: float | None


class Ended(NamedTuple):
    """Jobs of one kind that ended just now."""

    kind: str
    status: str
    number: int


class Times(NamedTuple):
    """Seconds that a job which ended just now has waited until its last attempt, and that this
    took."""

    kind: str
    waited: float
    ran: float


class Jobs(NamedTuple):
    """What the database knows."""

    active: Sequence[Active]
    ended: Sequence[Ended]
    times: Sequence[Times]


class Present(NamedTuple):
    """What Redis knows: `workers` has what each notes of itself (worker/presence.py), and its
    `name`."""

    workers: Sequence[dict[str, Any]]
    janitors: int


class Census(NamedTuple):
    """What is None was not found out in time. `stalled`: jobs by kind; that takes both the database
    and Redis."""

    jobs: Jobs | None
    present: Present | None
    stalled: Counter[str] | None


def take() -> Census:
    """Asks all parts; returns within `DEADLINE`, whatever hangs."""
    asked = [question.put() for question in QUESTIONS]
    wait(asked, DEADLINE)
    return Census(*(each.result() if each.done() else None for each in asked))


def _jobs() -> Jobs:
    return Jobs(_active(), _ended(), _times())


def _active() -> list[Active]:
    since = Coalesce("not_before", "created_at", output_field=DateTimeField())
    is_due = Q(status="queued") & (Q(not_before=None) | Q(not_before__lte=Now()))
    found = (
        Job.objects.filter(status__in=ACTIVE)
        .order_by()
        .values_list(KIND, QUEUE, STATUS)
        .annotate(Count("pk"), due=Count("pk", filter=is_due), oldest=Min(since, filter=is_due))
    )
    now = datetime.now(UTC)
    return [
        Active(kind, queue, status, number, due, _seconds(oldest, now))
        for kind, queue, status, number, due, oldest in found
    ]


def _ended() -> list[Ended]:
    recent = Job.objects.filter(finished_at__gte=later(-WINDOW)).order_by()
    found = recent.values_list(KIND, STATUS).annotate(Count("pk"))
    return [Ended(*known) for known in found]


def _times() -> list[Times]:
    recent = Job.objects.filter(finished_at__gte=later(-WINDOW)).order_by("-finished_at")
    columns = ("kind", "not_before", "created_at", "started_at", "finished_at")
    return [
        Times(kind, _seconds(not_before or created, started), _seconds(started, finished))
        for kind, not_before, created, started, finished in recent.values_list(*columns)[:SAMPLE]
        if started is not None  # not one that was cancelled in the queue
    ]


def _present() -> Present:
    workers = [{**info, "name": name} for name, info in log().who_is_alive("worker").items()]
    return Present(workers, len(log().who_is_alive("janitor")))


def _stalled() -> Counter[str]:
    """As lists judge it: Redis knows for how long a job was silent, the row whether it runs, and
    the settings of now how long it may be. The log has both as they were when it was written."""
    running = Job.objects.filter(status=Status.RUNNING).order_by().values_list("pk", "kind")
    kinds = {str(pk): kind for pk, kind in running[:MAX_LOOKED_AT]}
    silent = {job: state["quiet"] for job, state in log().read([*kinds]).states.items()}
    allowed = {kind: registry.stalled_after(kind) for kind in {*kinds.values()}}
    return Counter(
        kind
        for job, kind in kinds.items()
        if is_stalled(Status.RUNNING, silent.get(job), allowed[kind])
    )


def _seconds(since: Any, until: datetime) -> Any:
    """None where nothing has begun."""
    return since and max(0.0, (until - since).total_seconds())


QUESTIONS = [Question(_jobs), Question(_present), Question(_stalled)]
