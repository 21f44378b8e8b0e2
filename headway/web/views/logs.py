"""The whole log of an attempt, as a text to download or a page of lines at a time, and its warnings
as CSV."""

import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from headway import spreadsheets
from headway.lifecycle import whole_log as stored
from headway.models import Attempt
from headway.stream.event import Line
from headway.web.access import positive, signed_in, visible_job

PAGE = 500
"""Lines of one page at most."""


@require_safe
@signed_in
def whole_log(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The log of the job's newest attempt, or of ?attempt=, as text. With ?before= the lines before
    the one with this number as JSON: up to PAGE `lines`, and whether there may be `more`."""
    before = positive(request.GET.get("before"))
    name, pieces = _kept(request, pk, before)
    if before is None:
        return _download(request, _text(pieces), f"{name}.log", "text/plain")
    lines = [line for piece in pieces for line in piece if line["n"] < before][-PAGE:]
    more = bool(lines) and lines[0]["n"] > 1
    return _private(JsonResponse({"lines": lines, "more": more}))


@require_safe
@signed_in
def warnings(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Every warning that the log of the job's newest attempt, or of ?attempt=, has kept, as CSV."""
    name, pieces = _kept(request, pk)
    return _download(request, _rows(pieces), f"{name}-warnings.csv", "text/csv")


def _kept(
    request: HttpRequest, pk: uuid.UUID, before: int | None = None
) -> tuple[str, Iterator[list[Line]]]:
    """What a file of it is called, and the lines of the attempt that is asked for. Raises Http404
    without one."""
    job = visible_job(request, pk)
    number = positive(request.GET.get("attempt")) or job.attempt
    try:
        pieces = stored.read(job.pk, number, before=before)
    except Attempt.DoesNotExist:
        raise Http404 from None
    return f"{job.kind}-{str(job.pk)[:8]}-{number}", pieces


def _download(
    request: HttpRequest, pieces: Iterator[bytes], name: str, content_type: str
) -> HttpResponseBase:
    # Each handler warns about iterators of the other's sort.
    streamed = _async(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(streamed, content_type=f"{content_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return _private(response)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _rows(pieces: Iterable[Iterable[Line]]) -> Iterator[bytes]:
    """A row for each warning; without the mark Excel takes UTF-8 for something else."""
    yield b"\xef\xbb\xbfline,time,warning\r\n"
    for piece in pieces:
        text = StringIO()
        told = (line for line in piece if line["level"] == "warning")
        spreadsheets.writer(text).writerows([line["n"], _time(line), line["text"]] for line in told)
        yield text.getvalue().encode("utf-8", "replace")


def _text(pieces: Iterable[Iterable[Line]]) -> Iterator[bytes]:
    """A line of text for each line, and one for those that are not kept."""
    upto = 0
    for piece in pieces:
        written = []
        for line in piece:
            if missing := line["n"] - upto - 1:
                written.append(f"… {missing:,} lines are not kept\n")
            written.append(_line(line))
            upto = line["n"]
        yield "".join(written).encode("utf-8", "replace")


def _line(line: Line) -> str:
    return f"{_time(line)} {line['level'].upper():7} {line['text']}\n"


def _time(line: Line) -> str:
    when = datetime.fromtimestamp(line["t"] / 1000, UTC).isoformat(timespec="milliseconds")
    return when.replace("+00:00", "Z")


async def _async(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    following = sync_to_async(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece
