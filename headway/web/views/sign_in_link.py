"""Follows a one-time sign-in link."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from headway.web import sign_in
from headway.web.access import allowed


@never_cache
@allowed("GET", "HEAD", "POST")
def sign_in_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Asks whether to sign in, and by POST does; a link that is used up leads to the sign-in page.
    What only looks, such as a preview of the link, uses nothing up and does not sign in."""
    if request.method == "POST":
        user = sign_in.redeem(uid, token)
        if user is not None:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            return redirect(settings.LOGIN_REDIRECT_URL)
    else:
        user = sign_in.user_of(uid, token)
        if user is not None:
            return render(request, "sign_in_link.html", {"invited": user})
    messages.error(
        request,
        _(
            "This link has been used or has expired. Sign in, or create a new one "
            "by starting the server again."
        ),
    )
    return redirect(settings.LOGIN_URL)
