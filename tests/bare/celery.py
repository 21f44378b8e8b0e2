"""The project's Celery app."""

import os

from celery import Celery

from headway.celery import configure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bare.settings")

app = Celery("bare")
app.config_from_object("django.conf:settings", namespace="CELERY")
configure(app)
app.autodiscover_tasks()
