"""Follows a one-time sign-in link."""

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache

from headway.web.sign_in import redeem


@never_cache
def sign_in_link(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Sign in and go to the first page; a link that is used up leads to the sign-in page."""
    user = redeem(uid, token)
    if user is None:
        messages.error(
            request,
            "This link has been used or is too old. Sign in, or make a new one "
            "by starting the server again.",
        )
        return redirect("sign_in")
    login(request, user)
    return redirect("/")
