"""Sign-in by an identity provider that speaks OpenID Connect, where `OIDC_ISSUER` names one.

Who comes back is known by the provider's name and subject alone, never by an e-mail address: those
change hands. What they may do is the site's own business: a new user has no rights.
"""

import logging
from functools import cache
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.django_client import OAuth
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.core.signals import setting_changed
from django.db import IntegrityError, transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, resolve_url
from django.urls import URLPattern, path, reverse
from django.utils.crypto import get_random_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from joserfc.errors import JoseError
from requests import RequestException

from headway.web.access import allowed
from progress.models import ExternalIdentity

logger = logging.getLogger(__name__)
TIMEOUT = 10
"""Seconds for each answer of the provider."""
MINUTES = 10
"""For which a session is kept of someone who went to the provider and has not come back."""
NEXT = "oidc_next"
BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@allowed("GET")
def start(request: HttpRequest) -> HttpResponse:
    """Sends the browser to the provider, and remembers where it wanted to go."""
    if not request.user.is_authenticated:
        request.session.set_expiry(MINUTES * 60)
    request.session[NEXT] = _safe(request, request.GET.get("next", ""))
    try:
        answer: HttpResponse = _client().authorize_redirect(
            request, request.build_absolute_uri(reverse("oidc_callback"))
        )
    except (OAuthError, RequestException, ValueError) as error:
        return _failed(request, error)
    return answer


@never_cache
@allowed("GET")
def callback(request: HttpRequest) -> HttpResponse:
    """Where the provider sends the browser back to. Authlib has checked state, PKCE and nonce, and
    signature, issuer, audience and time of the identity token."""
    try:
        user = _user(_client().authorize_access_token(request))
    except (OAuthError, JoseError, RequestException, ValueError, KeyError, TypeError) as error:
        return _failed(request, error)
    if user is None or not user.is_active:
        return _refused(request, _("You have no account here. Ask an administrator for one."))
    to = request.session.pop(NEXT, "") or resolve_url(settings.LOGIN_REDIRECT_URL)
    login(request, user, backend=BACKEND)
    request.session.set_expiry(None)
    return HttpResponseRedirect(to)


def _user(token: Any) -> Any:
    """The account of the person whom this token names; None if they have none and get none."""
    claims = token["userinfo"]
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    known = ExternalIdentity.objects.filter(issuer=issuer, subject=subject)
    if (identity := known.select_related("user").first()) is not None:
        return identity.user
    if not settings.OIDC_CREATE_USERS:
        return None
    told = _client().userinfo(token=token)  # a short identity token names nobody
    if told["sub"] != subject:
        raise ValueError("the provider tells of somebody else")
    try:
        with transaction.atomic():
            user = _new_user({**claims, **told})
            ExternalIdentity.objects.create(user=user, issuer=issuer, subject=subject)
            return user
    except IntegrityError:  # they came in two tabs at once
        if (identity := known.first()) is None:
            raise ValueError("somebody else has just taken the name") from None
        return identity.user


def _new_user(claims: Any) -> Any:
    """Named as the provider says, but never as another user; without a password and any right."""
    users: Any = get_user_model()
    name, longest = users.USERNAME_FIELD, users._meta.get_field(users.USERNAME_FIELD).max_length
    wanted = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    wanted = "".join(filter(str.isprintable, wanted))[: (longest or 150) - 10] or "user"
    taken = users.objects.filter(**{f"{name}__iexact": wanted}).exists()
    user = users(**{name: f"{wanted}-{get_random_string(8)}" if taken else wanted})
    if claims.get("email_verified") is True and name != users.get_email_field_name():
        setattr(user, users.get_email_field_name(), str(claims.get("email", ""))[:254])
    user.set_unusable_password()
    user.save()
    return user


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """The provider's words are for the log alone: whoever made the link chose them."""
    logger.warning(
        "Sign-in by %s failed: %s: %r", settings.OIDC_ISSUER, type(error).__name__, error
    )
    return _refused(request, _("Signing in there did not work. Please try again."))


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect(settings.LOGIN_URL)


def _safe(request: HttpRequest, to: str) -> str:
    """An address of this site, or "" for any other."""
    ours = url_has_allowed_host_and_scheme(
        to, {request.get_host()}, require_https=request.is_secure()
    )
    return to if ours else ""


@cache
def _client() -> Any:
    oauth = OAuth()
    return oauth.register(
        "provider",
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET,
        server_metadata_url=f"{settings.OIDC_ISSUER.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT,
        },
    )


@receiver(setting_changed)
def _reset(*, setting: str, **_options: Any) -> None:
    if setting.startswith("OIDC_"):
        _client.cache_clear()


urlpatterns: list[URLPattern] = [
    path("", start, name="oidc"),
    path("callback/", callback, name="oidc_callback"),
]
