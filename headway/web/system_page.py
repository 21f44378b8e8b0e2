"""The system page in words and pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from headway.conf import conf
from headway.kinds.numbers import separated
from headway.models import Status
from headway.users import User
from headway.web.charts import Bar, Chart, Column, stacked_bars, thin_bars
from headway.web.formatting import duration, figure, status_label
from headway.web.lanes import Block, lanes
from headway.web.questions import EVERYBODY, Question
from headway.web.runs import percentile
from headway.web.system import HOUR, Numbers, Row, Seen, numbers, queues, seen
from headway.web.timeline import span

COLUMNS = 30
"""Of a chart of the last hour: two minutes each."""
NAMED = 12
"""Jobs of a worker that are named beside its lanes, at most."""
ORDER = (Status.SUCCEEDED, Status.CANCELLED, Status.FAILED, Status.LOST)


class Tile(NamedTuple):
    """A number with its name; `bad` where somebody should look."""

    name: str
    value: str
    about: str = ""
    bad: bool = False
    query: str = ""
    """Of the list of what is counted."""


@dataclass
class Worker:
    """A worker process and its children; `alive` is None where nobody knows."""

    name: str
    alive: bool | None
    slots: int
    queues: Sequence[str]
    running: list[Row] = field(default_factory=list)
    lanes: SafeString = field(default_factory=SafeString)
    left_out: int = 0

    @property
    def named(self) -> Sequence[Row]:
        """Of those that run, the ones that have for longest."""
        return sorted(self.running, key=lambda row: row.started)[:NAMED]

    @property
    def more(self) -> int:
        """How many others run."""
        return max(0, len(self.running) - NAMED)


def context(viewer: User) -> dict[str, Any]:
    """For the template."""
    known, jobs = numbers(), seen(viewer)
    present = known.census.present
    return {
        "tiles": _tiles(known),
        "workers": _workers(known, jobs),
        "queues": queues(known.census),
        "away": [
            name
            for name, part in (
                (_("The database does not answer in time."), known.census.jobs),
                (_("Redis does not answer: who works is not known."), present),
            )
            if part is None
        ],
        "charts": [
            ("ended-hour", _("Ended"), _ended(jobs)),
            ("busy-hour", _("At work"), _busy(jobs)),
            ("waited-hour", _("Waited"), _waited(jobs)),
        ],
        "whole": jobs.whole,
        "read": len(jobs.ended),
    }


def _tiles(known: Numbers) -> list[Tile]:
    counted, present, stalled = known.census
    tiles = []
    if present is not None:
        slots = sum(worker.get("processes", 0) for worker in present.workers)
        number = len(present.workers)
        of = ngettext("%(slots)d slot", "%(slots)d slots", slots) % {"slots": slots}
        tiles.append(Tile(_("Workers"), figure(number), of, not number))
        tiles.append(Tile(_("Janitors"), figure(present.janitors), "", not present.janitors))
    if counted is not None:
        running = sum(each.number for each in counted.active if each.status != "queued")
        due = sum(each.due for each in counted.active)
        ended = sum(each.number for each in counted.ended)
        active = Question(status="active", person=EVERYBODY).query()
        tiles.append(Tile(_("At work"), figure(running), query=active))
        tiles.append(Tile(_("Waiting"), figure(due)))
        tiles.append(Tile(_("Ended"), figure(ended), _("in the last ten minutes")))
    if stalled is not None:
        query = Question(status="stalled", person=EVERYBODY).query()
        tiles.append(Tile(_("Stalled"), figure(stalled.total()), "", bool(stalled), query))
    most = _("of %(most)s in this process") % {"most": figure(conf.STREAM_MAX)}
    return [*tiles, Tile(_("Streams"), figure(known.streams), most), _redis(known.redis)]


def _redis(told: dict[str, Any] | None) -> Tile:
    if told is None:
        return Tile(_("Redis"), _("away"), "", bad=True)
    said, used, most = [], told.get("used_memory"), told.get("maxmemory")
    if used is not None:
        size = filesizeformat(used)
        said.append(f"{size} / {filesizeformat(most)}" if most else size)
    full = bool(used and most and used > 0.9 * most)
    return Tile(_("Redis"), separated(f"{1000 * told['took']:.1f} ms"), ", ".join(said), full)


def _workers(known: Numbers, jobs: Seen) -> list[Worker]:
    """Those that are alive by name; then those that hold jobs and are not heard from."""
    present = known.census.present
    found = {
        each["name"]: Worker(each["name"], True, each.get("processes", 0), each.get("queues", ()))
        for each in (present.workers if present else ())
    }
    for row in jobs.running:
        alive = None if present is None else False
        found.setdefault(row.host, Worker(row.host, alive, 0, ())).running.append(row)
    drawn: dict[str, list[Block]] = {name: [] for name in found}
    for row in (*jobs.running, *jobs.ended):
        if row.host in drawn:
            drawn[row.host].append(_block(row, jobs.now))
    for name, worker in found.items():
        title = _("What %(worker)s ran in the last hour") % {"worker": name}
        worker.lanes, worker.left_out = lanes(title, drawn[name], worker.slots)
    return sorted(found.values(), key=lambda each: (each.alive is not False, each.name))


def _block(row: Row, now: datetime) -> Block:
    begin = 100 - 100 * (now - row.started).total_seconds() / HOUR
    end = 100 - 100 * (now - (row.finished or now)).total_seconds() / HOUR
    took = duration(((row.finished or now) - row.started).total_seconds())
    told = f"{row.title}, {status_label(row.status)}, {took}, {row.owner}"
    return Block(begin, end, row.status, told, row.href, f"block-{row.id}")


def _edges(now: datetime) -> list[datetime]:
    """Of the columns, the oldest first."""
    step = HOUR / COLUMNS
    return [now - timedelta(seconds=HOUR - step * index) for index in range(COLUMNS + 1)]


def _column_of(moment: datetime, now: datetime) -> int:
    passed = HOUR - (now - moment).total_seconds()
    return min(COLUMNS - 1, int(passed // (HOUR / COLUMNS)))


def _ended(jobs: Seen) -> Chart:
    counts = [Counter[str]() for _each in range(COLUMNS)]
    for row in jobs.ended:
        if row.finished:
            counts[max(0, _column_of(row.finished, jobs.now))][row.status] += 1
    columns = [
        Column(_clock(edge), count) for edge, count in zip(_edges(jobs.now), counts, strict=False)
    ]
    title = ngettext(
        "%(number)s job ended in the last hour",
        "%(number)s jobs ended in the last hour",
        len(jobs.ended),
    ) % {"number": figure(len(jobs.ended))}
    return stacked_bars(title, columns, ORDER)


def _busy(jobs: Seen) -> Chart:
    """How many jobs were at work at the same time, on average of each column."""
    edges, step = _edges(jobs.now), HOUR / COLUMNS
    sums = [0.0] * COLUMNS
    for row in (*jobs.running, *jobs.ended):
        end = row.finished or jobs.now
        for index in range(max(0, _column_of(row.started, jobs.now)), COLUMNS):
            if edges[index] >= end:
                break
            both = min(end, edges[index + 1]) - max(row.started, edges[index])
            sums[index] += max(0.0, both.total_seconds()) / step
    most = _("%(most)s at once at most") % {"most": figure(round(max(sums), 1))}
    return thin_bars(most, _bars(edges, sums, Status.RUNNING, figure))


def _waited(jobs: Seen) -> Chart:
    """How long those that began in a column had waited, half of them at most."""
    waits: list[list[float]] = [[] for _each in range(COLUMNS)]
    for row in (*jobs.running, *jobs.ended):
        index = _column_of(row.started, jobs.now)
        if index >= 0 and row.worker:
            waits[index].append(max(0.0, (row.started - row.queued).total_seconds()))
    medians = [percentile(each, 50) for each in waits]
    longest = max((each for each in medians if each is not None), default=0.0)
    title = _("Half of them waited up to %(time)s") % {"time": span(longest)}
    return thin_bars(title, _bars(_edges(jobs.now), medians, Status.QUEUED, span))


def _bars(edges: Sequence[datetime], values: Sequence[Any], status: str, write: Any) -> list[Bar]:
    return [
        Bar(
            _clock(edge),
            value or 0.0,
            status if value else "",
            "",
            "" if value is None else write(value),
        )
        for edge, value in zip(edges, values, strict=False)
    ]


def _clock(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "H:i")
