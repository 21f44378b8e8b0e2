"""Result files: for the owner, as a download; in a page only images, which run nothing."""

import asyncio
import uuid
from collections.abc import AsyncIterator

from django.core.files import File
from django.core.files.storage import default_storage
from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from headway.models import Job
from headway.web.access import signed_in, visible_job
from headway.web.result_files import image_type

CHUNK = 256 * 1024


@require_safe
@signed_in
def download(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponseBase:
    """One file of the job's newest attempt, as a download; with ?show an image for the page, which
    it is by its content whatever its name says. Raises Http404 for any other file then."""
    return give(request, visible_job(request, pk), name)


def give(request: HttpRequest, job: Job, name: str) -> HttpResponseBase:
    """A file of a job, in the same way, for somebody who may have it."""
    try:
        file = default_storage.open(job.file_path(name))
    except (KeyError, OSError):
        raise Http404 from None
    shows = "show" in request.GET
    image = image_type(file) if shows else ""
    if shows and not image:
        file.close()
        raise Http404
    # Each handler warns about iterators of the other's sort.
    chunks = _async_chunks(file) if isinstance(request, ASGIRequest) else file.chunks(CHUNK)
    response = StreamingHttpResponse(
        chunks,
        headers={
            "Content-Type": image or "application/octet-stream",
            "Content-Length": str(file.size),
            "Content-Disposition": content_disposition_header(not image, name) or "attachment",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
    response._resource_closers.append(file.close)  # type: ignore[attr-defined]  # as FileResponse does
    return response


async def _async_chunks(file: "File[bytes]") -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk
