"""One address: `/events/?channel=A&channel=B`."""

import django_eventstream
from django.urls import include, path

urlpatterns = [path("events/", include(django_eventstream.urls))]
