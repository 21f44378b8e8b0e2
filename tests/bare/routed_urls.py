"""The project's addresses and the admin."""

from django.contrib import admin
from django.urls import path

from tests.bare import urls

urlpatterns = [path("admin/", admin.site.urls), *urls.urlpatterns]
