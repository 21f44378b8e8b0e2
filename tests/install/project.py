"""A project of somebody else's, made in an empty folder with the wheel installed beside it."""

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from django.conf import settings
from packaging.requirements import Requirement

from tests.support.processes import Process
from tests.support.stack import free_port

ROOT = Path(settings.BASE_DIR)
PAGE = ROOT / "docs/installing.md"
FILES = {
    "shop/__init__.py": "from shop.celery import app\n",
    "shop/celery.py": """\
        import os
        from celery import Celery
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
        app = Celery("shop")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
        """,
    "accounts/__init__.py": "",
    "accounts/models.py": """\
        import uuid
        from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
        from django.contrib.auth.models import PermissionsMixin
        from django.db import models

        class People(BaseUserManager):
            def create_user(self, email, password, **more):
                user = self.model(email=email, **more)
                user.set_password(password)
                user.save()
                return user

        class User(AbstractBaseUser, PermissionsMixin):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)
            email = models.EmailField(unique=True)
            is_staff = models.BooleanField(default=False)
            is_active = models.BooleanField(default=True)
            objects = People()
            USERNAME_FIELD = "email"
        """,
    "accounts/tasks.py": """\
        import time
        from celery import shared_task
        from headway.celery_progress import ProgressRecorder  # was celery_progress.backend

        @shared_task(bind=True)
        def my_task(self, seconds):
            progress_recorder = ProgressRecorder(self)
            for second in range(seconds):
                time.sleep(1)
                progress_recorder.set_progress(second + 1, seconds)
            return "done"
        """,
    "accounts/views.py": """\
        from accounts.tasks import my_task
        from django.shortcuts import render

        def progress_view(request):
            result = my_task.delay(8)
            return render(request, "display_progress.html", {"task_id": result.task_id})
        """,
    "templates/display_progress.html": """\
        {% extends "base.html" %}{% load headway %}
        {% block main %}<p>{% job_bar task_id %}</p>{% endblock %}
        """,
    "jobs/__init__.py": "",
    "jobs/models.py": """\
        from django.db import models

        class Job(models.Model):
            vacancy = models.CharField(max_length=100)
        """,
    "jobs/tasks.py": """\
        from celery import shared_task
        from progress.bar import Bar

        @shared_task
        def count():
            return Bar(max=2).max
        """,
    "templates/base.html": """\
        <!doctype html>
        <html lang="en">
        <head>
        <title>{% block page_title %}Shop{% endblock %}</title>
        <style>.row, .bar, .badge, .panel { outline-color: red }</style>
        {% block extra_head %}{% endblock %}
        </head>
        <body>
        <nav>The shop of {{ user }}</nav>
        {% block main %}{% endblock %}
        </body>
        </html>
        """,
    "templates/index.html": """\
        {% extends "base.html" %}
        {% block main %}<h1>Report</h1>
        HERE
        <table><tr><td>
        HERE
        </td></tr></table>{% endblock %}
        """,
    "templates/own.html": """\
        {% extends "base.html" %}{% load static %}
        {% block extra_head %}<script src="{% static 'headway/htmx.min.js' %}" defer></script>
        {% endblock %}
        {% block main %}<job-bar job="{{ job }}"></job-bar>
        <button hx-get="/accounts/login/" hx-target="#there">Look</button><div id="there"></div>
        {% endblock %}
        """,
    "templates/registration/login.html": """\
        {% extends "base.html" %}
        {% block main %}<form method="post">{% csrf_token %}{{ form }}<button>Enter</button></form>
        {% endblock %}
        """,
}
SETTINGS = """
INSTALLED_APPS += ["accounts", "jobs"]
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = []
BACKEND = "django.core.cache.backends.redis.RedisCache"
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CACHES = {{"default": {{"BACKEND": BACKEND, "LOCATION": "{redis}"}}}}
CELERY_BROKER_URL = "{redis}"
LOGIN_REDIRECT_URL = "/ops/jobs/"
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
"""
URLS = """
from accounts.views import progress_view
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.views.generic import TemplateView
urlpatterns += [
    path("accounts/login/", LoginView.as_view()),
    path("accounts/logout/", LogoutView.as_view()),
    path("progress/", progress_view),
    path("report/<uuid:job>/", TemplateView.as_view(template_name="index.html")),
    path("own/<uuid:job>/", TemplateView.as_view(template_name="own.html")),
    *staticfiles_urlpatterns(),
]
"""


def documented(part: int = 0) -> dict[str, str]:
    """The lines that docs/installing.md adds to each file: each block, by the name of a file that
    the text before it says last. Part 0 is all that has to be, part 1 is for ASGI."""
    section = PAGE.read_text().split("\n## ")[1].split("\n### ")[part]
    found = {}
    for text, block in re.findall(r"(.*?)```\w+\n(.*?)```", section, re.DOTALL):
        found[re.findall(r"`([\w.]+\.(?:py|html))`", text)[-1]] = block
    return found


class Project:
    """The shop: its folder, its environment and its processes."""

    def __init__(self, folder: Path, redis: str, wheel: Path) -> None:
        self.folder, self.redis, self.wheel = folder / "shop", redis, wheel
        self.python = folder / "venv/bin/python"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def make(self) -> None:
        """The project as it is before it takes the app in, and an environment for it."""
        self.make_environment()
        self.folder.mkdir()
        run(str(self.python), "-m", "django", "startproject", "shop", str(self.folder))
        for name, text in FILES.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedented(text))
        self.append("shop/settings.py", SETTINGS.format(redis=self.redis))
        self.append("shop/urls.py", URLS)
        self.manage("makemigrations", "-v", "0", "--skip-checks", "accounts", "jobs")

    def make_environment(self) -> None:
        """The wheel, all that it says it needs, and what the project has of its own. The needed is
        linked to from our environment: to install it once more took most of these tests' time."""
        venv.create(self.folder.parent / "venv")
        pip = (sys.executable, "-m", "pip", "-q", "--python", str(self.python))
        run(*pip, "install", "--no-compile", "--no-deps", str(self.wheel), "progress")
        [place] = self.python.parent.parent.glob("lib/python*/site-packages")
        [said] = metadata.distributions(path=[str(place)], name="django-headway")
        link(place, [*requirements(said, "server"), "uvicorn", "gunicorn"])

    def append(self, name: str, text: str) -> None:
        """Add lines to the end of a file."""
        path = self.folder / name
        path.write_text(f"{path.read_text()}\n{text}")

    def install(self, lines: dict[str, str]) -> None:
        """Do what docs/installing.md says."""
        places = {"tasks.py": "jobs/tasks.py", "urls.py": "shop/urls.py"}
        for name in ("settings.py", "celery.py"):
            places[name] = f"shop/{name}"
        for name, place in places.items():
            self.append(place, lines[name].replace("redis://localhost:6379/2", self.redis))
        head, tray = lines["base.html"].splitlines()
        self.replace("templates/base.html", "</head>", f"{head}\n</head>")
        self.replace("templates/base.html", "</body>", f"{tray}\n</body>")
        self.replace("templates/index.html", "HERE", lines["index.html"])

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a text in a file, wherever it stands."""
        path = self.folder / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def manage(self, *command: str) -> str:
        """Run a management command and return what it prints."""
        return run(str(self.python), "manage.py", *command, cwd=self.folder)

    def process(self, name: str, *command: str) -> "Part":
        """One of its processes, which runs a module of its environment."""
        return Part(self, name, [str(self.python), *command])

    def web(self, server: str) -> "Part":
        """Its web server, on the port of its address; gunicorn with one sync worker."""
        port = ["--port", str(self.port)]
        words = {
            "daphne": ["-b", "127.0.0.1", *port, "shop.asgi:application"],
            "uvicorn": ["--host", "127.0.0.1", *port, "shop.asgi:application"],
            "gunicorn": ["--bind", f"127.0.0.1:{self.port}", "shop.wsgi:application"],
        }
        return self.process("web", "-m", server, *words[server])


class Part(Process):
    """A process of the shop, in its folder and environment."""

    def __init__(self, project: Project, name: str, command: list[str]) -> None:
        super().__init__(name, ["env", "-C", str(project.folder), *command])

    @property
    def surroundings(self) -> dict[str, str]:
        """Nothing of ours."""
        return clean(super().surroundings)


def requirements(distribution: metadata.Distribution, extra: str = "") -> Iterator[str]:
    """What a distribution says that it needs here, with an extra or without."""
    for needed in map(Requirement, distribution.requires or ()):
        if needed.marker is None or any(
            needed.marker.evaluate({"extra": each}) for each in ("", extra)
        ):
            yield str(needed)


def link(place: Path, wanted: list[str]) -> None:
    """Links from a folder of packages to those of ours, and to all that they need."""
    seen: set[tuple[str, str]] = set()
    while wanted:
        needed = Requirement(wanted.pop())
        distribution = metadata.distribution(needed.name)
        for extra in {"", *needed.extras} - {e for name, e in seen if name == needed.name}:
            seen.add((needed.name, extra))
            wanted += requirements(distribution, extra)
        for file in distribution.files or ():
            top = file.parts[0]
            there = place / top
            if top != ".." and top != "__pycache__" and not there.exists():
                there.symlink_to(Path(str(distribution.locate_file(top))))


def clean(environment: dict[str, str]) -> dict[str, str]:
    """Without the settings of the tests."""
    ours = ("DJANGO_SETTINGS_MODULE", "DATA_DIR", "DATABASE_URL", "SECRET_KEY", "PYTHONPATH")
    return {name: value for name, value in environment.items() if name not in ours}


def run(*command: str, cwd: Path | None = None) -> str:
    """The output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=cwd, env=clean({**os.environ}), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def dedented(text: str) -> str:
    """As it stands in a file."""
    return re.sub(r"^ {8}", "", text, flags=re.MULTILINE)
