"""The site with users of its own, and sessions wherever a test wants them."""

import os

from progress.settings import *  # noqa: F403 - all of them
from progress.settings import DATA_DIR, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.custom"]
AUTH_USER_MODEL = "custom.Person"
SESSION_ENGINE = f"django.contrib.sessions.backends.{os.environ.get('SESSIONS', 'db')}"
SESSION_FILE_PATH = DATA_DIR
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
