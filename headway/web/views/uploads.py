"""Uploads in parts, by version 1.0.0 of the tus protocol with the extensions creation,
termination, expiration and checksum: tus.io/protocols/resumable-upload."""

import base64
import binascii
import re
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from headway.conf import conf
from headway.kinds import registry
from headway.lifecycle import uploading
from headway.lifecycle.actions import LimitError
from headway.lifecycle.errors import is_full
from headway.lifecycle.uploading import Checksum, ChecksumError, OffsetError, TooLongError
from headway.models import Upload
from headway.policy import policy
from headway.stream.event import clean
from headway.web.access import allowed, person, signed_in, starts, takes_files
from headway.web.responses import problem, too_many

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,expiration,checksum"
ALGORITHMS = ("sha1", "sha256")
BODY = "application/offset+octet-stream"
MAX_METADATA = 4096
P = ParamSpec("P")


class MalformedError(Exception):
    """A header is not what the protocol wants; the message is a sentence for the caller."""


def tus(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Speaks the protocol: its version, what it can do, and its errors."""

    @wraps(view)
    def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method == "POST":  # for networks that let no other method through
            request.method = request.headers.get("X-HTTP-Method-Override", "POST").upper()
        if request.method != "OPTIONS" and request.headers.get("Tus-Resumable") != VERSION:
            told = _("This address speaks version %(version)s of the tus protocol.")
            response: HttpResponseBase = refused(request, 412, told % {"version": VERSION})
        elif request.method != "OPTIONS" and not request.user.is_authenticated:
            response = refused(request, 401, _("Sign in to go on with this upload."))
        else:
            response = _answer(request, lambda: view(request, *args, **kwargs))
        response["Tus-Resumable"] = VERSION
        if request.method == "OPTIONS" or response.status_code == 412:
            response["Tus-Version"] = VERSION
            response["Tus-Extension"] = EXTENSIONS
            response["Tus-Max-Size"] = str(conf.UPLOAD_MAX_BYTES)
            response["Tus-Checksum-Algorithm"] = ",".join(ALGORITHMS)
        return response

    return answer


def _answer(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    try:
        return view()
    except MalformedError as error:
        return refused(request, 400, str(error))
    except LimitError as error:
        return too_many(request, error)
    except (OffsetError, TooLongError, ChecksumError) as error:
        status = {OffsetError: 409, TooLongError: 413, ChecksumError: 460}[type(error)]
        return refused(request, status, str(error))
    except FileNotFoundError:
        return refused(request, 404, _("This upload is no longer here. Begin it again."))
    except OSError as error:
        if not is_full(error):
            raise
        return refused(request, 507)


@never_cache
@starts("POST")
@tus
@allowed("POST")
@signed_in
def create(request: HttpRequest) -> HttpResponse:
    """Begins an upload for a field of a kind's form."""
    size = _number(request, "Upload-Length")
    metadata = _metadata(request.headers.get("Upload-Metadata", ""))
    kind, field = metadata.get("kind", ""), metadata.get("field", "")
    if not _takes_file(kind, field):
        raise MalformedError(_("Upload-Metadata names no kind of job and field of it for a file."))
    if not policy.may_start(request.user, kind):
        return refused(request, 403, _("You may not start jobs of this kind."))
    name, modified = metadata.get("filename", ""), metadata.get("modified", "")
    upload = Upload(kind=kind, field=field, name=_file_name(name), size=size)
    upload.modified = clean(modified, 20)
    uploading.begin(person(request), upload)
    response = HttpResponse(status=201)
    response["Location"] = reverse("headway:upload", args=[upload.pk])
    return _told(response, upload)


@never_cache
@starts("POST", "PATCH", "DELETE")
@takes_files
@tus
@allowed("HEAD", "PATCH", "DELETE")
@signed_in
def upload(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """HEAD tells how much of an upload is here, PATCH continues it, DELETE ends it."""
    found = Upload.objects.filter(pk=pk, owner_id=request.user.pk).first()
    if found is None:
        raise FileNotFoundError
    if request.method == "DELETE":
        uploading.discard(found)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        return _continue(request, found)
    response = _told(HttpResponse(), found)
    response["Upload-Length"] = str(found.size)
    return response


def _continue(request: HttpRequest, found: Upload) -> HttpResponse:
    if request.content_type != BODY:
        return refused(request, 415, _("Send parts as %(type)s.") % {"type": BODY})
    offset, checksum = _number(request, "Upload-Offset"), _checksum(request)
    if found.stored:
        raise OffsetError(_("A job was already started with this upload."))
    if int(request.META.get("CONTENT_LENGTH") or 0) > conf.UPLOAD_PART_BYTES:
        most = {"most": conf.UPLOAD_PART_BYTES}
        raise TooLongError(_("A part may have %(most)s bytes.") % most)
    uploading.append(found, offset, request, checksum)
    return _told(HttpResponse(status=204), found)


def refused(request: HttpRequest, status: int, sentence: str = "") -> HttpResponse:
    """An error for programs, which all that speak this protocol are."""
    return problem(request, status, sentence, json=True)


def _told(response: HttpResponse, found: Upload) -> HttpResponse:
    """With where the upload stands."""
    response["Upload-Offset"] = str(uploading.offset_of(found))
    if not found.stored:
        response["Upload-Expires"] = http_date(uploading.expires_at(found))
    return response


def _file_name(text: str) -> str:
    """Without folders, as Django has the names of files that come whole: others it refuses."""
    name = clean(re.split(r"[/\\]", text)[-1], 255)
    return "file" if name in ("", ".", "..") else name


def _takes_file(kind: str, field: str) -> bool:
    try:
        fields = registry.offered(kind).form_class.base_fields
    except KeyError:
        return False
    return isinstance(fields.get(field), forms.FileField)


def _number(request: HttpRequest, header: str) -> int:
    text = request.headers.get(header, "")
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        raise MalformedError(_("%(header)s must be a number of bytes.") % {"header": header})
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Names and values of Upload-Metadata."""
    pairs = [part.strip().partition(" ") for part in text.split(",") if part.strip()]
    try:
        if len(text) > MAX_METADATA:
            raise ValueError
        return {name: _decoded(value).decode() for name, _space, value in pairs}
    except ValueError:
        raise MalformedError(_("Upload-Metadata is names with values in base64.")) from None


def _checksum(request: HttpRequest) -> Checksum | None:
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return None
    algorithm, _space, value = text.partition(" ")
    if algorithm not in ALGORITHMS:
        known = {"known": ", ".join(ALGORITHMS)}
        raise MalformedError(_("Upload-Checksum knows %(known)s.") % known)
    try:
        return Checksum(algorithm, _decoded(value))
    except ValueError:
        raise MalformedError(_("Upload-Checksum is an algorithm and a value in base64.")) from None


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
