"""What the web process of `manage.py up` serves in a project without a Procfile: the project's ASGI
application and, while DEBUG is on, its static files, as `runserver` does."""

from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.utils.module_loading import import_string

from headway.ops.processes import asgi_application

django.setup(set_prefix=False)
application: Any = import_string(asgi_application())
if settings.DEBUG and apps.is_installed("django.contrib.staticfiles"):
    application = ASGIStaticFilesHandler(application)
