"""The whole log of an attempt: compressed chunks in the database, the last lines in its row, and
what the log in Redis has beyond both while it runs."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from django.db.models import Max, Sum

from headway.conf import conf
from headway.lifecycle.log import glance
from headway.models import Attempt, LogChunk
from headway.stream.event import Entry, Line

CHUNK = 2000
"""Lines of one chunk at most, which is read as a whole."""


def store(attempt: Attempt, lines: Sequence[Line]) -> None:
    """Keeps lines of a running attempt, of its job up to LOG_MAX_BYTES: of more the oldest are
    given up."""
    if not lines or not conf.LOG_MAX_BYTES:
        return
    parts = (lines[start : start + CHUNK] for start in range(0, len(lines), CHUNK))
    LogChunk.objects.bulk_create([_chunk(attempt, part) for part in parts])
    chunks = LogChunk.objects.filter(attempt__job_id=attempt.job_id)
    excess = (chunks.aggregate(Sum("size"))["size__sum"] or 0) - conf.LOG_MAX_BYTES
    oldest = chunks.order_by("attempt__number", "first").values_list("pk", "size")
    for pk, size in oldest if excess > 0 else ():
        chunks.filter(pk=pk).delete()
        excess -= size
        if excess <= 0:
            break


def stored_upto(attempt: Attempt) -> int:
    """The number of the last line that a chunk has; 0 without one."""
    return attempt.chunks.aggregate(Max("last"))["last__max"] or 0


def numbered(entries: Iterable[Entry]) -> list[Line]:
    """The lines among events of a log; what only says that others were left out is none."""
    return [
        {"n": each["n"], "t": each["t"], "level": each["level"], "text": each["text"]}
        for each in entries
        if "n" in each
    ]


def read(
    job: uuid.UUID, number: int, *, after: int = 0, before: int | None = None
) -> Iterator[list[Line]]:
    """All lines of an attempt that are kept, or those between two numbers, in order and a chunk at
    a time. Raises Attempt.DoesNotExist."""
    stored, newest = _kept(job, number)
    wanted = [
        (pk, first)
        for pk, first, last in stored
        if last > after and (before is None or first < before)
    ]
    return _between(after, before, [pk for pk, _ in wanted], newest)


def backwards(
    job: uuid.UUID, number: int, before: int | None, likely: Callable[[str], bool]
) -> Iterator[tuple[list[Line], int]]:
    """Its lines, down from the one before `before`: a chunk at a time, the newest first, with the
    number of the first line of each. `likely` says of a stored line, as JSON, whether it is wanted:
    of a chunk the others are left out. Raises Attempt.DoesNotExist."""
    stored, newest = _kept(job, number)
    upto = max((last for *_, last in stored), default=0)
    return _backwards(before, [*stored][::-1], _after(upto, newest), likely)


def _kept(job: uuid.UUID, number: int) -> tuple[Sequence[tuple[int, int, int]], list[Line]]:
    """The chunks of an attempt, by key, first and last line, and lines that may be in none.

    What is newest is read first: lines only move from there into the row and into chunks."""
    heard = glance().read(lambda log: log.told(str(job), number).lines)
    attempt = Attempt.objects.only("lines").get(job_id=job, number=number)
    newest = [line for line in attempt.lines if "n" in line] + numbered(heard or [])
    stored = attempt.chunks.order_by("first", "pk").values_list("pk", "first", "last")
    return list(stored), newest


def _between(
    after: int, before: int | None, chunks: Iterable[int], newest: Iterable[Line]
) -> Iterator[list[Line]]:
    upto = after
    for pk in chunks:
        lines = _after(upto, _read(pk))
        yield _until(before, lines)
        upto = lines[-1]["n"] if lines else upto
    yield _until(before, _after(upto, newest))


def _backwards(
    before: int | None,
    chunks: Iterable[tuple[int, int, int]],
    newest: list[Line],
    likely: Callable[[str], bool],
) -> Iterator[tuple[list[Line], int]]:
    if newest and (before is None or newest[0]["n"] < before):
        yield _until(before, newest), newest[0]["n"]
        before = newest[0]["n"]
    for pk, first, _ in chunks:
        if before is None or first < before:
            yield _until(before, _after(0, _read(pk, likely))), first
            before = first


def _read(pk: int, likely: Callable[[str], bool] | None = None) -> list[Line]:
    """The lines of a chunk; none where it was deleted meanwhile."""
    data = LogChunk.objects.filter(pk=pk).values_list("data", flat=True).first()
    stored = [] if data is None else gzip.decompress(bytes(data)).decode().split("\n")
    return [json.loads(line) for line in stored if likely is None or likely(line)]


def _until(before: int | None, lines: list[Line]) -> list[Line]:
    return lines if before is None else [line for line in lines if line["n"] < before]


def _chunk(attempt: Attempt, lines: Sequence[Line]) -> LogChunk:
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    data = gzip.compress(text.encode(), 6)
    first, last = lines[0]["n"], lines[-1]["n"]
    return LogChunk(attempt=attempt, first=first, last=last, size=len(data), data=data)


def _after(number: int, lines: Iterable[Line]) -> list[Line]:
    """Those with a later number, once each: an attempt that was replaced may have stored some of
    its lines after they were found in Redis."""
    found = {line["n"]: line for line in lines if line["n"] > number}
    return [found[n] for n in sorted(found)]
