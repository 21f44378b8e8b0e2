"""A project of somebody who followed the pages: their code blocks are its files, as they stand."""

import re
import textwrap
from pathlib import Path

from django.conf import settings

from tests.support.pages import blocks, code

TASKS, OBSERVING = "docs/writing-tasks.md", "docs/observing-tasks.md"
FILES = {
    "pytest.ini": """\
        [pytest]
        DJANGO_SETTINGS_MODULE = shop.settings
        filterwarnings = error
        asyncio_default_fixture_loop_scope = function
        addopts = -q -n 0 --no-cov -p no:randomly -p no:schemathesis -p headway.pytest_plugin
        """,
    "shop/__init__.py": "from shop.celery import app\n",
    "shop/settings.py": """\
        import os
        from pathlib import Path

        BASE_DIR = DATA_DIR = Path(__file__).parents[1]
        SECRET_KEY = "only for tests"
        INSTALLED_APPS = [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "shop",
        ]
        MIDDLEWARE = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ]
        CONTEXT = ["django.contrib.auth.context_processors.auth"]
        ENGINE = "django.template.backends.django.DjangoTemplates"
        TEMPLATES = [
            {"BACKEND": ENGINE, "APP_DIRS": True, "OPTIONS": {"context_processors": CONTEXT}}
        ]
        ROOT_URLCONF = "shop.urls"
        STATIC_URL = "static/"
        MEDIA_ROOT = BASE_DIR / "files"
        USE_TZ = True
        ADMINS = [("Boss", "boss@shop.example")]
        FILE = BASE_DIR / "db.sqlite3"
        DATABASES = {
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": FILE,
                "TEST": {"NAME": FILE},
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
            }
        }
        MIGRATION_MODULES = {"shop": None}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        SILENCED_SYSTEM_CHECKS = ["headway.W007"]
        CELERY_BROKER_URL = os.environ["REDIS_URL"].replace("unix://", "redis+socket://")
        """,
    "shop/urls.py": """\
        from django.urls import include, path

        urlpatterns = []
        """,
    "shop/celery.py": """\
        import os

        from celery import Celery

        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        app = Celery("shop")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
        """,
    "shop/models.py": """\
        from django.conf import settings
        from django.db import models


        class Shop(models.Model):
            name = models.CharField(max_length=50)


        class Clerk(models.Model):
            user = models.OneToOneField(
                settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="clerk"
            )
            shop = models.ForeignKey(Shop, on_delete=models.CASCADE, related_name="clerks")


        class Invoice(models.Model):
            month = models.IntegerField()
            number = models.CharField(max_length=20, default="R-1")
            customer = models.CharField(max_length=50, default="=Ann")
            amount = models.IntegerField(default=100)
            sent = models.BooleanField(default=False)
            paid = models.BooleanField(default=False)

            def send(self):
                self.sent = True
                self.save()


        class Price(models.Model):
            cents = models.IntegerField()
        """,
    "shop/checks.py": """\
        import time


        def check(row):
            time.sleep(0.1)
            return row % 2 == 0
        """,
    "shop/forecast.py": """\
        epochs = []


        def train_one_epoch():
            epochs.append(len(epochs))
        """,
    "shop/payments.py": """\
        taken = {}


        def pay(amount, idempotency_key):
            taken[idempotency_key] = amount
        """,
}
"""What the pages leave to their readers."""


def documented() -> dict[str, str]:
    """What the pages add, by file."""
    tasks = [block.code for block in blocks(TASKS, "python") if "@job_task" in block.code]
    observed = [code(OBSERVING, "def reindex"), code(OBSERVING, "def count_up")]
    signals = code(TASKS, "@receiver")
    tests = [block.code for block in blocks(TASKS, "python") if "def test_" in block.code]
    parts = re.findall(r"# (\w+\.py)[^\n]*\n(.*?)(?=\n# |\Z)", code("README.md", "# urls.py"), re.S)
    return {
        "shop/tasks.py": "\n".join([*tasks, *observed, signals]),
        "shop/apps.py": code(OBSERVING, "class ShopConfig"),
        "shop/rights.py": code("docs/operations.md", "class Rights"),
        "test_pages.py": "\n".join(tests),
        **{f"shop/{name}": text for name, text in parts},
    }


def make(folder: Path, redis: str) -> None:
    """Writes the project into a folder, with tests/docs/in_the_shop.py for its tests."""
    tests = Path(settings.BASE_DIR) / "tests/docs/in_the_shop.py"
    for name, text in [*FILES.items(), ("test_pages.py", tests.read_text()), *documented().items()]:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(textwrap.dedent(text).replace("redis://localhost:6379/2", redis) + "\n")
