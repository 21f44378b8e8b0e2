"""Result files: for the owner, as a download; in a page only images, which run nothing."""

import logging
import uuid

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from headway.models import Job
from headway.web import downloads
from headway.web.access import signed_in, visible_job
from headway.web.responses import problem

logger = logging.getLogger(__name__)


@require_safe
@signed_in
def download(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponseBase:
    """One file of the job's newest attempt, as a download; with ?show an image for the page, which
    it is by its content whatever its name says. Raises Http404 for any other file then."""
    return give(request, visible_job(request, pk), name)


def give(request: HttpRequest, job: Job, name: str) -> HttpResponseBase:
    """A file of a job, in the same way, for somebody who may have it."""
    answer = downloads.image if "show" in request.GET else downloads.download
    try:
        return answer(request, job.file_path(name), name)
    except (KeyError, FileNotFoundError):
        raise Http404 from None
    except Exception as error:  # noqa: BLE001 - storages raise what their services' libraries do
        logger.warning("The file %s of job %s cannot be read: %s", name, job.pk, error)
        return problem(request, 503)
