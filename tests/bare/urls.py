"""The app below a prefix of the project's own, and a page that has nothing to do with it."""

from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from headway.web.views.socket import socket


def hello(request: HttpRequest) -> HttpResponse:
    """Any page of the project."""
    return HttpResponse(f"Hello {request.user}", content_type="text/plain")


urlpatterns = [
    path("hello/", hello),
    path("sign-in/", LoginView.as_view(), name="sign_in"),
    path("ops/jobs/", include("headway.urls")),
    path("ops/socket/", socket),
]
