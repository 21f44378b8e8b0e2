"""Settings of the rival's site: Redis carries live events and is the storage. It asks for no
session and checks no owner, which is to its advantage."""

import os

SECRET_KEY = "a benchmark on loopback"  # noqa: S105 - protects nothing
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "benchmarks.rivals.eventstream.urls"
INSTALLED_APPS = ["django_eventstream"]
MIDDLEWARE = ["django_grip.GripMiddleware"]
DATABASES: dict[str, dict[str, str]] = {}
USE_TZ = True
_REDIS = {"unix_socket_path": os.environ.get("REDIS_SOCKET", "")}
EVENTSTREAM_REDIS = _REDIS
EVENTSTREAM_STORAGE_CLASS = "django_eventstream.storage.RedisStorage"
EVENTSTREAM_STORAGE_CONNECTION = _REDIS
