"""Every URL of the site."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from headway.urls import job_patterns
from headway.web.views.api import document
from headway.web.views.pages import index
from headway.web.views.sign_in_link import sign_in_link
from headway.web.views.socket import socket
from jobs.llm.views import chat
from progress.sign_in_throttle import throttled

admin.site.site_title = admin.site.site_header = "Headway"
admin.site.index_title = "Administration"

pages: list[URLPattern | URLResolver] = [  # the list of jobs is the site's first page
    path("", index, name="index"),
    path("api/openapi.json", document, name="openapi"),
    path("jobs/", include(job_patterns)),
]
urlpatterns = [
    path("", include((pages, "headway"))),  # first: streams come by the thousand
    path("admin/login/", throttled(admin.site.login)),  # before the admin's own
    path("admin/", admin.site.urls),
    path(
        "sign-in/",
        throttled(
            LoginView.as_view(
                template_name="sign_in.html", extra_context={"oidc_name": settings.OIDC_NAME}
            )
        ),
        name="sign_in",
    ),
    *([path("sign-in/oidc/", include("progress.oidc"))] if settings.OIDC_ISSUER else []),
    path("sign-in/link/<uid>/<token>/", sign_in_link, name="sign_in_link"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    # The admin names no icon, so browsers ask for this one.
    path("favicon.ico", RedirectView.as_view(url=static("headway/icons/idle.svg"))),
    path("me/", include("progress.account")),
    path("", include("headway.probes")),
    path("", include("headway.metrics")),
    path("chat/", chat, name="chat"),
    path("ws/jobs/", socket),
]

handler400 = "headway.web.views.errors.bad_request"
handler403 = "headway.web.views.errors.forbidden"
handler404 = "headway.web.views.errors.not_found"
handler500 = "headway.web.views.errors.server_error"
