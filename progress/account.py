"""`/me/`: one's own password, API tokens, notices, time zone and language."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from headway.models import ApiToken, Scope
from headway.web import tokens
from headway.web.access import allowed, person, signed_in
from headway.web.responses import SeeOther, vary
from headway.web.views import notices
from progress import preferences, time_zone
from progress.account_forms import LanguageForm, TimeZoneForm, TokenForm, password_form


@never_cache
@allowed("GET", "HEAD")
@signed_in
def me(request: HttpRequest) -> HttpResponse:
    """The page; what is sent from it is answered by the views below, which lead back here."""
    return _page(request)


@never_cache
@sensitive_post_parameters()
@sensitive_variables()
@allowed("GET", "HEAD", "POST")
@signed_in
def password(request: HttpRequest) -> HttpResponse:
    """Changes the password: all sessions end but this one, which goes on under another key."""
    if request.method != "POST":
        return redirect("me")  # where the sign-in page leads once a session is over
    form: Any = password_form(person(request), request.POST)
    if not form.is_valid():
        return _page(request, password_form=form)
    update_session_auth_hash(request, form.save())
    messages.success(
        request,
        _(
            "Your password is changed, and you are signed out everywhere else. "
            "Reload other tabs of this browser."
        ),
    )
    return SeeOther(reverse("me"))


@never_cache
@allowed("GET", "HEAD", "POST")
@signed_in
@sensitive_variables("text")
def make_token(request: HttpRequest) -> HttpResponse:
    """Makes a token. This answer alone shows it: it is kept nowhere, so nothing can lead to it."""
    if request.method != "POST":
        return redirect("me")
    form = TokenForm(person(request), request.POST)
    if not form.is_valid():
        return _page(request, token_form=form)
    values = form.cleaned_data
    token, text = tokens.issue(
        person(request), values["name"], scope=Scope(values["scope"]), lasts=form.lasts
    )
    return _page(request, made=token, text=text)


@never_cache
@allowed("GET", "HEAD", "POST")
@signed_in
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revokes one of one's own tokens; others' do not exist."""
    if request.method != "POST":
        return redirect("me")
    token = get_object_or_404(ApiToken, pk=pk, owner_id=person(request).pk)
    tokens.revoke(token)
    messages.success(request, _("The token {name} is revoked.").format(name=token.name or token.pk))
    return SeeOther(reverse("me"))


@never_cache
@allowed("GET", "HEAD", "POST")
@signed_in
def set_time_zone(request: HttpRequest) -> HttpResponse:
    """Chooses in which time zone one is shown times."""
    if request.method != "POST":
        return redirect("me")
    form = TimeZoneForm(request.POST)
    if not form.is_valid():
        return _page(request, zone_form=form)
    chosen = form.cleaned_data["time_zone"]
    said = _("Times are shown in {zone}.").format(zone=chosen)
    return _prefer(request, said, time_zone=chosen)


@never_cache
@allowed("GET", "HEAD", "POST")
@signed_in
def set_language(request: HttpRequest) -> HttpResponse:
    """Chooses in which language one reads pages."""
    if request.method != "POST":
        return redirect("me")
    form = LanguageForm(request.POST)
    if not form.is_valid():
        return _page(request, language_form=form)
    chosen = form.cleaned_data["language"]
    with override(chosen):
        said = gettext("Pages are in English.")
    return _prefer(request, said, language=chosen)


def _prefer(request: HttpRequest, said: str, **chosen: str) -> HttpResponse:
    response = SeeOther(reverse("me"))
    preferences.save(person(request), **chosen)
    preferences.tell_browser(response, **chosen)
    messages.success(request, said)
    return response


def _page(request: HttpRequest, **more: Any) -> HttpResponse:
    user = person(request)
    context = {
        "password_form": password_form(user),
        "has_password": user.has_usable_password(),
        "token_form": TokenForm(user),
        "tokens": _tokens(user),
        "now": timezone.now(),
        "zone_form": TimeZoneForm(initial={"time_zone": timezone.get_current_timezone_name()}),
        "zone_is_chosen": bool(time_zone.chosen(request)),
        "language_form": LanguageForm(initial={"language": get_language()}),
        **notices.context(request),
        **more,
    }
    wrong = [form for form in context.values() if isinstance(form, Form) and form.errors]
    for form in wrong:
        _lead_to_error(form)
    return vary(render(request, "me.html", context, status=400 if wrong else 200))


def _lead_to_error(form: Form) -> None:
    """Puts the keyboard at the first wrong field, and with it this part of the page in view."""
    name = next((name for name in form.fields if name in form.errors), next(iter(form.fields)))
    form.fields[name].widget.attrs["autofocus"] = True


def _tokens(user: Any) -> QuerySet[ApiToken]:
    """Those that are not revoked; one that has expired is shown until it is."""
    return ApiToken.objects.filter(owner_id=user.pk, revoked_at=None)


urlpatterns: list[URLPattern] = [
    path("", me, name="me"),
    path("password/", password, name="me_password"),
    path("tokens/", make_token, name="me_tokens"),
    path("tokens/<int:pk>/revoke/", revoke_token, name="me_revoke"),
    path("time-zone/", set_time_zone, name="me_time_zone"),
    path("language/", set_language, name="me_language"),
]
