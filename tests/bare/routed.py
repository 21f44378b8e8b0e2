"""The project with its jobs in a database of their own, and the admin."""

from typing import Any

from tests.bare.settings import *  # noqa: F403 - all of them
from tests.bare.settings import DATA, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.admin"]
ROOT_URLCONF = "tests.bare.routed_urls"
DATABASES = DATABASES | {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "people.sqlite3"},
    "jobs": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA / "jobs.sqlite3"},
}
DATABASE_ROUTERS = ["tests.bare.routed.Router"]


class Router:
    """As Django's documentation writes them."""

    def db_for_read(self, model: Any, **_: Any) -> str | None:
        """Where jobs are."""
        return "jobs" if model._meta.app_label == "headway" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        """The app's tables there, all others in the default database."""
        return (db == "jobs") == (app_label == "headway")
