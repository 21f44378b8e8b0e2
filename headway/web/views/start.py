"""Starting a job: the form of one kind, and its POST as form or JSON."""

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from headway.conf import conf
from headway.kinds import registry, secrets
from headway.kinds.numbers import grouped
from headway.kinds.registry import Kind
from headway.lifecycle import actions, outbox, snapshots, uploading
from headway.models import Job, Upload
from headway.policy import policy
from headway.stream.event import clean
from headway.web.access import allowed, person, signed_in, starts, takes_files, visible_job
from headway.web.bodies import FORM_OVERHEAD
from headway.web.presenters import Shown, accepted
from headway.web.responses import SeeOther, Wants, page, problem, too_many, vary
from headway.web.views import kept_uploads

TOKEN_FIELD = "start-token"  # noqa: S105 - a name; the dash keeps it apart from every parameter
EARLIER_FIELD = "start-like"
"""Names the job whose parameters fill the form, and whose uploads are kept."""
NOTIFY_FIELD = "start-notify"
"""Whether to tell of its end."""
MAX_NAMED = 10
"""Unknown parameters that an answer names at most."""


class MalformedError(Exception):
    """The body is not what its Content-Type says; the message is a sentence for the caller."""


@dataclass(frozen=True)
class Submission:
    """What a user wants to start."""

    form: forms.Form
    token: str = ""
    """A form's own, the same when it is sent twice."""
    key: str = ""
    """One that a program made up, the same when it repeats a request."""
    sent: frozenset[str] = frozenset()
    """Fields whose files came with it."""
    uploads: dict[str, Upload] = field(default_factory=dict)
    """By field, files that had been uploaded before."""
    notify: bool = False


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
@starts("POST")
@takes_files
@allowed("GET", "HEAD", "POST")
@signed_in
def start(request: HttpRequest, kind: str) -> HttpResponse:
    """GET shows the form of one kind, POST starts a job of it."""
    try:
        wanted = registry.offered(kind)
    except KeyError:
        raise Http404 from None
    if not policy.may_start(request.user, wanted.name):
        return problem(request, 403, _("You may not start jobs of this kind."))
    earlier = _earlier(request, wanted)
    if request.method != "POST":
        known = wanted.shown(_initial(request, wanted, earlier))
        return _page(request, wanted, wanted.form_class(initial=known), earlier)
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdecimal() and int(length) > conf.UPLOAD_MAX_BYTES + FORM_OVERHEAD:
        return problem(request, 413, _("Files may be up to {limit}.").format(limit=_limit()))
    try:
        asked = _read(request, wanted, earlier)
    except MalformedError as error:
        return problem(request, 400, str(error))
    _check_sizes(asked.form)
    if asked.form.is_valid():
        return _start(request, wanted, asked, earlier)
    return _refused(request, wanted, asked, earlier)


@sensitive_variables()
def _start(
    request: HttpRequest, kind: Kind, asked: Submission, earlier: Job | None
) -> HttpResponse:
    given = {"owner": person(request), "token": asked.token, "key": asked.key}
    try:
        job = actions.start(kind.name, asked.form.cleaned_data, **given, notify=asked.notify)
    except actions.KeyUsedError as error:
        return problem(request, 422, str(error))
    except actions.LimitError as error:
        return too_many(request, error)
    except actions.ActionError as error:
        asked.form.add_error(None, str(error))
        return _refused(request, kind, asked, earlier)
    uploading.used(asked.uploads.values(), job)
    return _started(request, job)


def _read(request: HttpRequest, kind: Kind, earlier: Job | None) -> Submission:
    sent: frozenset[str] = frozenset()
    if request.content_type == "application/json":
        values = json_object(request.body)
        token = values.pop(TOKEN_FIELD, None)
        notify = values.pop(NOTIFY_FIELD, False)
        uploads = kept_uploads.named(request, kind, values)
        there = kept_uploads.put(request.FILES, uploads)
        form = kind.fill(values, request.FILES.dict())
        refuse_unknown(form, values)
        for name in form.fields.keys() & values.keys():
            takes_objects = isinstance(form.fields[name], forms.JSONField)
            if isinstance(values[name], dict) and not takes_objects:
                form.add_error(name, _("This must be a single value."))
    else:
        token = request.POST.get(TOKEN_FIELD)
        notify = request.POST.get(NOTIFY_FIELD)
        sent = frozenset(request.FILES)
        uploads = kept_uploads.named(request, kind, kept_uploads.of_form(kind, request.POST))
        there = kept_uploads.put(request.FILES, uploads)
        if earlier:
            kept_uploads.add(request.FILES, kept_uploads.of(earlier, kind))
        form = kind.form_class(request.POST, request.FILES)
    kept_uploads.miss(form, uploads.keys() - request.FILES.keys())
    key = request.headers.get("Idempotency-Key")
    for name in filter(None, (token, key)):
        if not re.fullmatch(r"[\w-]{1,64}", str(name), re.ASCII):
            raise MalformedError("A token or key is 1 to 64 letters, digits, dashes, underscores.")
    tells = notify in (True, "1")
    return Submission(form, str(token or ""), str(key or ""), sent, there, tells)


def json_object(body: bytes) -> dict[str, Any]:
    """What a body of JSON holds. Raises MalformedError when that is no object."""

    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        values = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise MalformedError(_("The body is not valid JSON.")) from None
    if not isinstance(values, dict):
        raise MalformedError(_("The body must be a JSON object of parameters."))
    return values


def refuse_unknown(form: forms.Form, names: Iterable[str]) -> None:
    """Adds what a form has no field for to its errors: some of it, and how much more there is."""
    unknown = [name for name in names if name not in form.fields]
    for name in unknown[:MAX_NAMED]:
        form.add_error(None, _("There is no parameter {name}.").format(name=repr(clean(name, 100))))
    if more := len(unknown[MAX_NAMED:]):
        form.add_error(None, _("Nor are there {number} others.").format(number=grouped(more)))


def _check_sizes(form: forms.Form) -> None:
    for name, file in form.files.items():
        large = isinstance(file, UploadedFile) and (file.size or 0) > conf.UPLOAD_MAX_BYTES
        if large and name in form.fields and name not in form.errors:
            form.add_error(name, _("This file is larger than {limit}.").format(limit=_limit()))


def _earlier(request: HttpRequest, kind: Kind) -> Job | None:
    """The job that this one is to be like; None where none is named, or one of another kind."""
    named = request.GET.get("like", "") or request.POST.get(EARLIER_FIELD, "")
    if not named:
        return None
    try:
        job = visible_job(request, uuid.UUID(named))
    except ValueError:
        raise Http404 from None
    if not policy.may_see_inputs(request.user, job):
        raise Http404
    return job if job.kind == kind.name else None


def _initial(request: HttpRequest, kind: Kind, earlier: Job | None) -> dict[str, Any]:
    """Parameters from the query, or those of an earlier job, as a start for the form; no secrets,
    which belong into no address either."""
    known = earlier.params if earlier else {} if "like" in request.GET else request.GET
    hidden = secrets.names(known) if earlier else kind.secrets
    return {name: value for name, value in known.items() if name not in hidden}


def _started(request: HttpRequest, job: Job) -> HttpResponse:
    wants = Wants.of(request)
    if wants is Wants.JSON:
        return accepted(job)
    if wants is Wants.PARTIAL:
        return vary(HttpResponse(status=204, headers={"HX-Redirect": job.get_absolute_url()}))
    return vary(SeeOther(job.get_absolute_url()))


def _refused(
    request: HttpRequest, kind: Kind, asked: Submission, earlier: Job | None
) -> HttpResponse:
    form = asked.form
    secrets.hush(form, kind.secrets)
    if Wants.of(request) is not Wants.JSON:
        kept = asked.uploads | kept_uploads.keep(request, kind, form, asked.sent)
        return _page(request, kind, form, earlier, kept, status=400)
    fields = {name: list(map(str, errors)) for name, errors in form.errors.items()}
    general = fields.pop("__all__", [])
    sentence = " ".join(general) or _("Some parameters are missing or wrong.")
    return problem(request, 400, sentence, errors=fields)


def _page(
    request: HttpRequest,
    kind: Kind,
    form: forms.Form,
    earlier: Job | None,
    uploads: Mapping[str, Upload] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = form_context(request, kind, form, earlier, uploads)
    if earlier:
        context["like"] = Shown(earlier, snapshots.snapshot(earlier), None, person(request))
    partial = Wants.of(request) is Wants.PARTIAL
    template = "headway/_start_form.html" if partial else "headway/start.html"
    return page(request, template, context, status)


def form_context(
    request: HttpRequest,
    kind: Kind,
    form: forms.Form,
    earlier: Job | None = None,
    uploads: Mapping[str, Upload] | None = None,
) -> dict[str, Any]:
    """What the template of a start form needs."""
    secrets.blank(form, kind.secrets)
    has_files = form.is_multipart()
    kept = uploads or {}
    if earlier:
        old = kept_uploads.of(earlier, kind)
        kept_uploads.offer(form, {name: old[name] for name in old.keys() - kept.keys()})
    if has_files:
        kept_uploads.offer_uploads(form, kept)
        too_large = _("This file is larger than {limit}.").format(limit=_limit())
        limits = {"data-max-bytes": conf.UPLOAD_MAX_BYTES, "data-too-large": too_large}
        kept_uploads.describe(request, kind, form, limits)
    return {
        "kind": kind,
        "form": form,
        "token_field": TOKEN_FIELD,
        "token": uuid.uuid4(),
        "notify_field": NOTIFY_FIELD,
        "notify": (
            NOTIFY_FIELD in request.POST
            if request.method == "POST"
            else outbox.chosen(person(request).pk).every
        ),
        "earlier_field": EARLIER_FIELD,
        "earlier": earlier,
        "limit": _limit() if has_files else "",
        "part_bytes": conf.UPLOAD_PART_BYTES,
    }


def _limit() -> str:
    return filesizeformat(conf.UPLOAD_MAX_BYTES).replace("\xa0", " ")
