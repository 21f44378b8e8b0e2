"""The rival's Celery app and its one task."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.rivals.results.settings")
app = Celery("rival")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task
def do_nothing(number: int) -> None:
    """Does nothing."""
    del number
