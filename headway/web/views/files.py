"""Result files: for the owner, as a download, never shown in the page."""

import logging
import uuid

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from headway.web.access import signed_in, visible_job
from headway.web.downloads import download as downloaded
from headway.web.responses import problem

logger = logging.getLogger(__name__)


@require_safe
@signed_in
def download(request: HttpRequest, pk: uuid.UUID, name: str) -> HttpResponseBase:
    """One file of the job's newest attempt."""
    job = visible_job(request, pk)
    try:
        return downloaded(request, job.file_path(name), name)
    except (KeyError, FileNotFoundError):
        raise Http404 from None
    except Exception as error:  # noqa: BLE001 - storages raise what their services' libraries do
        logger.warning("The file %s of job %s cannot be read: %s", name, pk, error)
        return problem(request, 503)
