"""The Celery app; its configuration is every setting that begins with `CELERY_`."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init

from headway.celery import configure
from progress.checks import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")

app = Celery("progress")
app.config_from_object("django.conf:settings", namespace="CELERY")
configure(app)
app.autodiscover_tasks()


@setup_logging.connect
def log_as_all_do(**_: Any) -> None:
    """Celery sets up no logging of its own where somebody listens: LOGGING counts, and what a task
    prints is a line of it as before."""
    app.log.redirect_stdouts(app.conf.worker_redirect_stdouts_level)


@worker_init.connect
def check(**_: Any) -> None:
    """A worker refuses settings that cannot work, as every other process does."""
    require_sound_settings()
