"""The app below a prefix of the project's own, and a page that has nothing to do with it."""

from django.contrib.auth.views import LoginView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from headway.web.views.socket import socket


def hello(request: HttpRequest) -> HttpResponse:
    """Any page of the project."""
    return HttpResponse(f"Hello {request.user}", content_type="text/plain")


def watch(request: HttpRequest, job: str) -> HttpResponse:
    """A page of the project's own with a bar on it."""
    return render(request, "watch.html", {"job": job})


urlpatterns = [
    path("hello/", hello),
    path("watch/<str:job>/", watch),
    path("sign-in/", LoginView.as_view(), name="sign_in"),
    path("ops/jobs/", include("headway.urls")),
    path("ops/socket/", socket),
    *staticfiles_urlpatterns(),
]
