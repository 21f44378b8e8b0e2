"""How one is told that jobs have ended: of all that one starts, and of this one."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from headway import users
from headway.conf import conf
from headway.lifecycle import outbox, webhooks
from headway.models import Channel, NoticeChoice
from headway.notice import new_seed
from headway.web.access import allowed, gives_secrets, person, signed_in, visible_job
from headway.web.presenters import show_one
from headway.web.responses import SeeOther, Wants, page, problem, vary


class NoticeForm(forms.Form):
    """How a person is told; of what the site does not offer there is no field."""

    every = forms.BooleanField(label=_("Tell me about every job that I start here"), required=False)
    email = forms.BooleanField(label=_("By e-mail"), required=False)
    webhook_url = forms.CharField(
        label=_("By a webhook"),
        required=False,
        max_length=500,
        help_text=_("An address that takes signed messages, such as https://example.com/hook."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    new_key = forms.BooleanField(
        label=_("Make a new key, with which the old one is worthless"), required=False
    )

    def __init__(self, choice: NoticeChoice, address: str, values: Any = None) -> None:
        initial = {name: getattr(choice, name) for name in ("every", "email", "webhook_url")}
        super().__init__(values, auto_id="notices_%s", initial=initial)
        if Channel.EMAIL not in conf.NOTICES:
            del self.fields["email"]
        elif address:
            self.fields["email"].help_text = _("To %s.") % address
        else:
            self.fields["email"].disabled = True
            self.fields["email"].help_text = _("Your account has no e-mail address.")
        if Channel.WEBHOOK not in conf.NOTICES:
            del self.fields["webhook_url"]
        if Channel.WEBHOOK not in conf.NOTICES or not choice.webhook_url:
            del self.fields["new_key"]

    def clean_webhook_url(self) -> str:
        url = str(self.cleaned_data["webhook_url"])
        if url:
            try:
                webhooks.check(url)
            except webhooks.RefusedError as error:
                raise forms.ValidationError(str(error)) from error
        return url


@gives_secrets
@never_cache
@sensitive_variables()
@allowed("GET", "HEAD", "POST")
@signed_in
def notices(request: HttpRequest) -> HttpResponse:
    """A page to choose how one is told; by POST the choice, which leads back to `next`."""
    if request.method != "POST":
        return page(request, "headway/notices.html", context(request))
    owner = person(request)
    form = NoticeForm(outbox.chosen(owner.pk), users.email(owner), request.POST)
    if not form.is_valid():
        return page(request, "headway/notices.html", context(request, form), status=400)
    values = dict(form.cleaned_data)
    if values.pop("new_key", False):
        values["seed"] = new_seed()
    values["site"] = f"{request.scheme}://{request.get_host()}"
    outbox.choose(owner.pk, values | {"language": get_language() or ""})
    messages.success(request, _("Your notices are changed."), fail_silently=True)
    back = request.POST.get("next", "")
    known = url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure())
    return vary(SeeOther(back if known else reverse("headway:notices")))


def context(request: HttpRequest, form: NoticeForm | None = None) -> dict[str, Any]:
    """What `headway/_notices.html` shows, on whatever page."""
    owner = person(request)
    choice = outbox.chosen(owner.pk)
    return {
        "notice_form": form or NoticeForm(choice, users.email(owner)),
        "webhook_key": webhooks.keys(choice)[0] if choice.webhook_url else "",
        "recent_notices": outbox.recent(owner.pk),
    }


@allowed("POST")
@signed_in
def notify(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Whether the owner of a job, who alone may ask, is to be told of its end."""
    job = visible_job(request, pk)
    if job.owner_id != person(request).pk:
        raise Http404
    job.notify = request.POST.get("wanted") == "1"
    if not outbox.want(job, job.notify):
        return problem(request, 409, str(_("This job has ended already.")))
    if Wants.of(request) is Wants.PARTIAL:
        item = show_one(job, person(request))
        return vary(render(request, "headway/_notify.html", {"item": item}))
    return vary(SeeOther(job.get_absolute_url()))
