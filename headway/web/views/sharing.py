"""Links to one job: made and revoked on its page by its owner, and what they show to all who have
them."""

import uuid
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from headway import users
from headway.models import Job, ShareLink, SharePart
from headway.policy import policy
from headway.web import openapi, shared_frames, sharing, streams
from headway.web.access import allowed, gives_secrets, person, signed_in, visible_job
from headway.web.grants import LinkGrant
from headway.web.inputs import inputs
from headway.web.job_page import record_context
from headway.web.presenters import show_one
from headway.web.readable import readable
from headway.web.responses import SeeOther, Wants, page, problem, vary
from headway.web.result_files import result_files
from headway.web.views import files
from headway.web.views.events import headers_only

PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Whoever reads the address may follow it: it is given to nobody else."""
USUAL_DAYS = 7


class ShareForm(forms.Form):
    """For how long a link lasts, and what it shows beside progress."""

    days = forms.TypedChoiceField(label=_("Valid for"), coerce=int)
    parts = forms.MultipleChoiceField(label=_("Also show"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = sharing.choices()
        days: Any = self.fields["days"]
        days.choices = [(n, ngettext("%d day", "%d days", n) % n) for n in known]
        days.initial = min(USUAL_DAYS, known[-1])
        parts: Any = self.fields["parts"]
        parts.choices, parts.initial = SharePart.choices, [SharePart.RESULT]


@gives_secrets
@allowed("GET", "HEAD", "POST")
@signed_in
def share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The links of a job, and by POST a new one. What may not be shared does not exist."""
    job = _shareable(request, pk)
    if request.method != "POST":
        return _links(request, job, ShareForm())
    form = ShareForm(request.POST)
    if len(sharing.of(job)) >= sharing.MOST:
        form.add_error(None, _("A job has at most %d links: revoke one first.") % sharing.MOST)
    if not form.is_valid():
        return _links(request, job, form, status=400)
    asked = form.cleaned_data
    link = sharing.make(job, asked["parts"], asked["days"], person(request))
    if Wants.of(request) is Wants.PARTIAL:
        return _links(request, job, ShareForm(), made=link)
    return vary(SeeOther(reverse("headway:share", args=[pk])))


@allowed("POST")
@signed_in
def revoke(request: HttpRequest, pk: uuid.UUID, link: uuid.UUID) -> HttpResponse:
    """Revokes one of a job's links."""
    job = _shareable(request, pk)
    sharing.revoke(get_object_or_404(ShareLink, pk=link, job=job), person(request))
    if Wants.of(request) is Wants.PARTIAL:
        return _links(request, job, ShareForm())
    return vary(SeeOther(reverse("headway:share", args=[pk])))


@require_safe
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a link, for anybody. With ?view=panel what changes with the job's state."""
    link = sharing.find(token)
    if link is None:
        told = str(_("This link has expired or was revoked. Ask for a new one."))
        return problem(request, 404, told)
    context = _shown(link)
    if request.GET.get("view") == "panel":
        ended = not context["item"].is_active
        response = render(request, "headway/_shared_panel.html", context | {"out_of_band": ended})
        if context["item"].cursor is not None:
            response["Progress-Cursor"] = str(context["item"].cursor)
    else:
        response = page(request, "headway/shared.html", context)
    _keep_private(response)
    return vary(response)


@csrf_exempt  # a POST changes nothing here: it is told 405
@allowed("GET", "HEAD")
def shared_events(request: HttpRequest, token: str) -> HttpResponseBase:
    """The stream of a link's job, which ends with it; with ?job=, as pages ask, it goes on."""
    link = sharing.find(token)
    if link is None:
        response: HttpResponseBase = problem(request, 404, json=True)
    elif request.method == "HEAD":
        response = headers_only()
    else:
        parts = frozenset(link.parts)
        response = streams.shared_events(
            request,
            str(link.job_id),
            LinkGrant(link.pk),
            lambda frames: shared_frames.reduced(parts, frames),
            ends="job" not in request.GET,
        )
    response.headers["Referrer-Policy"] = PRIVATE["Referrer-Policy"]
    return response


@require_safe
def shared_file(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """A result file, where the link shows them."""
    link = sharing.find(token)
    if link is None or SharePart.RESULT not in link.parts:
        raise Http404
    response = files.give(request, link.job, name)
    _keep_private(response)
    return response


def _shareable(request: HttpRequest, pk: uuid.UUID) -> Job:
    job = visible_job(request, pk)
    if not policy.may_share(request.user, job):
        raise Http404
    return job


def _keep_private(response: HttpResponseBase) -> None:
    for name, value in PRIVATE.items():
        response[name] = value


def _links(
    request: HttpRequest,
    job: Job,
    form: ShareForm,
    status: int = 200,
    made: ShareLink | None = None,
) -> HttpResponse:
    """The job's links with their addresses, which are secrets."""
    links = [
        {
            "link": each,
            "address": request.build_absolute_uri(sharing.address(each)),
            "shows": [SharePart(part).label for part in each.parts if part in SharePart],
            "is_new": made is not None and each.pk == made.pk,
        }
        for each in sharing.of(job)
    ]
    context = {"job": job, "links": links, "form": form}
    if Wants.of(request) is Wants.PARTIAL:
        response = render(request, "headway/_share.html", context, status=status)
    else:
        response = page(request, "headway/share.html", context, status=status)
    # No Referrer-Policy: without one, browsers send what Django compares with a form's token
    response["Cache-Control"] = PRIVATE["Cache-Control"]
    return vary(response)


def _shown(link: ShareLink) -> dict[str, Any]:
    """What a link shows of its job, to nobody in particular; what it shows more than progress is
    what its maker may see."""
    parts = frozenset(link.parts)
    item = show_one(link.job, AnonymousUser())
    context = {
        "item": item,
        "link": link,
        "kind": item.kind,
        "address": sharing.address(link),
        "events_address": reverse("headway:shared_events", args=[sharing.token_of(link)]),
        "token": sharing.token_of(link),
        "reason": shared_frames.reason(parts, item.job.reason),
    }
    if SharePart.RESULT in parts:
        context |= {"result": readable(item.job.result), "files": result_files(item.job)}
    if SharePart.INPUTS in parts:
        context["inputs"] = inputs(replace(item, viewer=link.by))
    if SharePart.OWNER in parts:
        context["owner"] = getattr(item.job.owner, users.name_field(), "")
    if SharePart.LOG in parts:
        context |= record_context(item) | {"has_log": True}
    return context


_TOKEN = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
_FILE = {"name": "file", "in": "path", "required": True, "schema": {"type": "string"}}


def _events_item() -> dict[str, Any]:
    asked = openapi.operation(openapi.EVENTS, [404], "cursor", "last", "heartbeat", "poll")
    return {"parameters": [_TOKEN], "get": {"security": [{}], **asked}}


def _file_item() -> dict[str, Any]:
    given = {"200": {"description": "The file.", "content": {"application/octet-stream": {}}}}
    asked = openapi.operation(given, [404])
    return {"parameters": [_TOKEN, _FILE], "get": {"security": [{}], **asked}}


_IN_BRACES = {"token": "{token}"}
openapi.describe("headway:shared_events", _events_item, **_IN_BRACES)
openapi.describe("headway:shared_file", _file_item, name="{file}", **_IN_BRACES)
