"""The Celery app; its configuration is every setting that begins with `CELERY_`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")

app = Celery("progress")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
