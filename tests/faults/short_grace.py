"""Loaded by a worker that, told to end, lets its jobs go on for less than the whole second that
WORKER_GRACE allows at least, in which a fast machine imports too many rows."""

from progress.celery import app

app.conf.worker_soft_shutdown_timeout = 0.2
