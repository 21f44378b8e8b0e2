"""The whole log of an attempt: compressed chunks in the database, the last lines in its row, and
what the log in Redis has beyond both while it runs."""

import gzip
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence

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


def read(job: uuid.UUID, number: int, *, before: int | None = None) -> Iterator[list[Line]]:
    """All lines of an attempt that are kept, in order and a chunk at a time; with `before` from the
    chunk on that may have the line before that one. Raises Attempt.DoesNotExist.

    What is newest is read first: lines only move from there into the row and into chunks."""
    heard = glance().read(lambda log: log.told(str(job), number).lines)
    attempt = Attempt.objects.only("lines").get(job_id=job, number=number)
    newest = [*attempt.lines, *numbered(heard or [])]
    stored = attempt.chunks.order_by("first", "pk")
    if before is not None:
        stored = stored.filter(first__lt=before).reverse()[:1]
    return _pieces(list(stored.values_list("pk", flat=True)), newest)


def _pieces(chunks: Iterable[int], newest: Iterable[Line]) -> Iterator[list[Line]]:
    upto = 0
    for pk in chunks:
        data = LogChunk.objects.filter(pk=pk).values_list("data", flat=True).first()
        if data is not None:  # else it was deleted meanwhile
            lines = _after(upto, _lines(bytes(data)))
            yield lines
            upto = lines[-1]["n"] if lines else upto
    yield _after(upto, newest)


def _chunk(attempt: Attempt, lines: Sequence[Line]) -> LogChunk:
    text = "\n".join(json.dumps(line, separators=(",", ":")) for line in lines)
    data = gzip.compress(text.encode(), 6)
    first, last = lines[0]["n"], lines[-1]["n"]
    return LogChunk(attempt=attempt, first=first, last=last, size=len(data), data=data)


def _lines(data: bytes) -> list[Line]:
    return [json.loads(line) for line in gzip.decompress(data).split(b"\n")]


def _after(number: int, lines: Iterable[Line]) -> list[Line]:
    """Those with a later number, once each: an attempt that was replaced may have stored some of
    its lines after they were found in Redis."""
    found = {line["n"]: line for line in lines if line["n"] > number}
    return [found[n] for n in sorted(found)]
