"""What `startproject` writes, and the app."""

import os
from pathlib import Path

BASE_DIR = Path(os.environ.get("BARE_BASE", Path(__file__).parent))
DATA = Path(os.environ["BARE_DATA"])
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "headway",
    "tests.bare",
]
MIDDLEWARE = [
    "tests.bare.policy.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "headway.web.tokens.BearerTokens",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "tests.bare.urls"
ASGI_APPLICATION = "tests.bare.asgi.application"
STATIC_URL = "static/"
USE_TZ = True
DEBUG = True
LOGIN_URL = "sign_in"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "bare.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

HEADWAY = {
    "REDIS_URL": os.environ["REDIS_URL"],
    # Some tests empty the queue, and no janitor runs that would give lost turns to the next
    "JOB_MAX_PUBLISHED_PER_USER": 0,
}
CELERY_BROKER_URL = os.environ["REDIS_URL"].replace("unix://", "redis+socket://")
if "BARE_PREFETCH" in os.environ:
    CELERY_WORKER_PREFETCH_MULTIPLIER = int(os.environ["BARE_PREFETCH"])
