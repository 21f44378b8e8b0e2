"""Settings of the rival: one row for each task, written at its end. RESULTS=0 leaves results out,
which makes it plain Celery; CONN_MAX_AGE keeps its connections to the database."""

import os

from progress.database import database

SECRET_KEY = "a benchmark on loopback"  # noqa: S105 - protects nothing
INSTALLED_APPS = ["django_celery_results"] if os.environ["RESULTS"] == "1" else []
DATABASES = {"default": database(os.environ["DATABASE_URL"])}
DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ.get("CONN_MAX_AGE", "0"))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
CELERY_BROKER_URL = f"redis+socket://{os.environ['REDIS_SOCKET']}"
CELERY_TASK_DEFAULT_QUEUE = "rival"
CELERY_TASK_IGNORE_RESULT = os.environ["RESULTS"] != "1"
if INSTALLED_APPS:
    CELERY_RESULT_BACKEND = "django-db"
