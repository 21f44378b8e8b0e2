"""The site with an identity provider, which progress/urls.py has where one is configured."""

from django.urls import include, path

from progress import urls

urlpatterns = [path("sign-in/oidc/", include("progress.oidc")), *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500
