"""What `manage.py up` runs, and where: taken from the project's settings and its Procfile, else
from the usual project layout."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage
from honcho.environ import parse_procfile

DEFAULTS: dict[str, Any] = {"PORT": 8000, "WORKERS": 2, "BIND": "127.0.0.1", "WORKER_GRACE": 3}
"""Settings that a project may leave out."""
SERVED = "headway.ops.development:application"


def option(name: str) -> Any:
    """A setting, or what stands for it in a project that has none."""
    return getattr(settings, name, DEFAULTS[name])


def base() -> Path:
    """The project's folder."""
    return Path(getattr(settings, "BASE_DIR", Path.cwd()))


def data_dir() -> Path:
    """Where `up` keeps what is its own; made where it is missing, for its owner alone."""
    folder = Path(getattr(settings, "DATA_DIR", base() / "var"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def collects_static_files() -> bool:
    """Whether static files are to be collected first: into a folder of this machine, from which
    they are served unless DEBUG is on."""
    known = apps.is_installed("django.contrib.staticfiles") and bool(settings.STATIC_ROOT)
    return known and not settings.DEBUG and isinstance(staticfiles_storage, StaticFilesStorage)


def asgi_application() -> str:
    """The project's ASGI application, as MODULE.NAME; "" where there is none."""
    guess = f"{_package()}.asgi.application"
    known: str = getattr(settings, "ASGI_APPLICATION", None) or guess
    return known if known != guess or _exists(f"{_package()}.asgi") else ""


def processes() -> dict[str, str]:
    """The command of each process by its name: those of the Procfile where there is one."""
    procfile = base() / "Procfile"
    if procfile.exists():
        found: dict[str, str] = parse_procfile(procfile.read_text()).processes
        return found
    python = f"exec {shlex.quote(sys.executable)} -m"
    address = f"--bind {shlex.quote(option('BIND'))} --port $PORT"
    worker = f"celery --quiet -A {_package()} worker --concurrency $WORKERS --loglevel INFO"
    return {
        "web": f"{python} headway.ops.daphne {address} {SERVED}",
        "worker": f"{python} {worker} --hostname worker-$$@%h --without-gossip --without-mingle",
        "janitor": f"{python} django janitor",
    }


def _package() -> str:
    """The package that `startproject` made: it has urls.py, asgi.py and, by Celery's own advice,
    celery.py."""
    return str(settings.ROOT_URLCONF).rpartition(".")[0]


def _exists(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
