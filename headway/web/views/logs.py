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
from headway.models import Attempt, Job
from headway.stream.event import Line
from headway.web import log_pages
from headway.web.access import positive, signed_in, visible_job
from headway.web.log_pages import Search


@require_safe
@signed_in
def whole_log(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The log of the job's newest attempt, or of ?attempt=, as text.

    As JSON a page of `lines`: with ?after= and ?before= those between two numbers, with ?find= or
    ?level=warning those that are found, the newest first asked; `before` leads to the page before.
    """
    asked = request.GET
    after, before = (positive(asked.get(name)) for name in ("after", "before"))
    search = Search.read(asked.get("find"), asked.get("level"))
    if after is None and before is None and not search:
        name, pieces = _kept(request, pk)
        return _download(request, _text(pieces), f"{name}.log", "text/plain")
    job, number = _attempt(request, pk)
    try:
        if search:
            told = log_pages.found(job.pk, number, search, before)
        else:
            told = log_pages.between(job.pk, number, after, before)
    except Attempt.DoesNotExist:
        raise Http404 from None
    more = told.before is not None
    return _private(JsonResponse({"lines": told.lines, "more": more, "before": told.before}))


@require_safe
@signed_in
def warnings(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Every warning that the log of the job's newest attempt, or of ?attempt=, has kept, as CSV."""
    name, pieces = _kept(request, pk)
    return _download(request, _rows(pieces), f"{name}-warnings.csv", "text/csv")


def _attempt(request: HttpRequest, pk: uuid.UUID) -> tuple[Job, int]:
    """The job, and the number of the attempt that is asked for."""
    job = visible_job(request, pk)
    return job, positive(request.GET.get("attempt")) or job.attempt


def _kept(request: HttpRequest, pk: uuid.UUID) -> tuple[str, Iterator[list[Line]]]:
    """What a file of it is called, and the lines of the attempt that is asked for. Raises Http404
    without one."""
    job, number = _attempt(request, pk)
    try:
        pieces = stored.read(job.pk, number)
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
