"""Settings that cannot work are explained; those of the environment are documented."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from pytest_django import Settings

from headway import conf
from progress.broker import broker_url, transport_options
from progress.checks import check_settings
from progress.database import Connections, database
from progress.environment import Environment
from tests.support.patience import PATIENCE

ROOT = Path(settings.BASE_DIR)
TABLE_ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def names_in_settings() -> set[str]:
    """Every name that progress/settings.py reads from the environment, the app's numbers too."""
    tree = ast.parse((ROOT / "progress/settings.py").read_text())
    return {*conf.numbers()} | {
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and isinstance(node.args[0], ast.Constant)
    }


def test_the_table_of_settings_has_each_of_them_once_and_no_other() -> None:
    table = TABLE_ROW.findall((ROOT / "docs/operations.md").read_text())
    assert sorted(table) == sorted(names_in_settings())


def test_the_procfile_needs_no_other_name() -> None:
    used = set(re.findall(r"\$\{([A-Z]+)", (ROOT / "Procfile").read_text()))
    assert used <= names_in_settings()


def test_only_the_settings_read_the_environment() -> None:
    allowed = {
        "progress/settings.py",
        "progress/asgi.py",  # the name of the settings module
        "progress/celery.py",  # the same
        "headway/ops/installation.py",  # hands it on to the processes
        "manage.py",
    }
    files = [ROOT / "manage.py", *ROOT.glob("progress/**/*.py"), *ROOT.glob("jobs/**/*.py")]
    readers = {str(f.relative_to(ROOT)) for f in files if "os.environ" in f.read_text()}
    assert readers <= allowed


def check(**environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check` under this environment."""
    return subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


WRONG = {
    "DATABASE_POOL": ("4", "DATABASE_POOL: unset it, or set DATABASE_URL to a PostgreSQL server."),
    "DEBUG": ("maybe", "DEBUG is 'maybe': use true or false."),
    "PORT": ("eighty", "PORT is 'eighty': use a whole number from 1 to 65535."),
    "WORKERS": ("-1", "WORKERS is '-1': use a whole number"),
    "CORS_ALLOWED_ORIGINS": ("https://a.example/x", "is no origin: use https://HOST alone."),
    "JOB_LEASE": ("15", "make the lease at least twice as long"),
    "LOG_TTL": ("60", "keep the log at least as long as a stream may last"),
    "SECRET_PARAMETERS": ("API-KEY", "SECRET_PARAMETERS: 'api-key' matches no name"),
    "CAPTURE_LOGGING": ("jobs:LOUD", "CAPTURE_LOGGING: 'jobs:LOUD' names no level"),
    "METRICS_TOKEN": ("secret", "METRICS_TOKEN: use at least 32 random letters and digits"),
    "JOB_SHOW_ERRORS": ("true", "JOB_SHOW_ERRORS: shows users the text of errors"),
    "DATABASE_URL": ("mysql://u:p@h/db", "DATABASE_URL cannot be understood: use sqlite:///"),
    "REDIS_URL": ("localhost:6379", "REDIS_URL: use redis://HOST:6379/0"),
    "CELERY_BROKER_URL": ("kafka://h", "CELERY_BROKER_URL: use a redis://"),
    "QUEUE_TYPE": ("stream", "QUEUE_TYPE: use classic, or quorum with RabbitMQ"),
    "DOWNLOADS": ("files/", "DOWNLOADS: use app, storage, or the path of nginx's"),
    "LLM_BASE_URL": ("localhost:11434", "LLM_BASE_URL: use the address before /chat/completions"),
    "LLM_MODEL": ("", "LLM_BASE_URL and LLM_MODEL: set both"),
    "SECRET_KEY": ("tell no one", "SECRET_KEY: use at least 50 random characters"),
    "ALLOWED_HOSTS": ("*", "ALLOWED_HOSTS: name the hosts instead of *"),
    "NUM_PROXIES": ("11", "NUM_PROXIES is '11': use a whole number from 0 to 10."),
    "LLM_API_KEY": ("my secret", "LLM_API_KEY: use the key alone"),
    "CSP_REPORT_URI": ("https://a; script-src *", "CSP_REPORT_URI: use an address such as"),
    "OIDC_ISSUER": ("https://id.example", "OIDC_CLIENT_SECRET: set all three, or none"),
}


def test_the_settings_of_a_bucket_are_those_of_the_page() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    block = page.split("## Files in a bucket")[1].split("```sh\n")[1].split("```")[0]
    given = dict(line.split("=", 1) for line in block.splitlines())
    done = check(**given)
    assert (done.returncode, "FILES_BUCKET" in given) == (0, True), done.stderr


def test_celery_is_told_of_sentinels_as_it_takes_them() -> None:
    url = "sentinel://me:secret@a:1,b/main/3?sentinel_password=x"
    own = "sentinel://me:secret@a:1/3;sentinel://me:secret@b:26379/3"
    assert broker_url(url) == own
    options = transport_options(url)
    assert (options["master_name"], options["sentinel_kwargs"]["password"]) == ("main", "x")
    done = check(CELERY_BROKER_URL="sentinel://a", REDIS_URL="sentinel://:secret@a")
    for name in ("REDIS_URL", "CELERY_BROKER_URL"):
        assert f"{name}: of Sentinels, use sentinel://HOST:26379" in done.stderr
    assert "secret" not in done.stderr


LONG = "0123456789abcdef" * 4
UNSAFE = {
    "a key that is short": ({"SECRET_KEY": "x"}, ["SECRET_KEY: use at least 50 random"]),
    "a key that is none": ({"SECRET_KEY": "x" * 60}, ["SECRET_KEY: use at least 50 random"]),
    "a key of a template": ({"SECRET_KEY": f"django-insecure-{LONG}"}, ["SECRET_KEY: use"]),
    "any host": ({"ALLOWED_HOSTS": "*"}, ["ALLOWED_HOSTS: name the hosts instead of *"]),
    "debugging for all": (
        {"DEBUG": "true", "BIND": "0.0.0.0", "ALLOWED_HOSTS": "*"},  # noqa: S104 - refused
        ["DEBUG: unset it, or BIND to", "DEBUG: unset it, or have only localhost"],
    ),
    "redirects without HTTPS": (
        {"SSL_REDIRECT": "true", "HSTS_SECONDS": "60"},
        ["SSL_REDIRECT: set HTTPS=true", "HSTS_SECONDS: set HTTPS=true"],
    ),
    "debugging alone": ({"DEBUG": "true", "SECRET_KEY": "x", "BIND": "::1"}, []),
    "production": ({"BIND": "0.0.0.0", "ALLOWED_HOSTS": ".example.com"}, []),  # noqa: S104 - wanted
}


@pytest.mark.parametrize("case", UNSAFE)
def test_what_is_safe_on_one_s_own_machine_only_is_refused(case: str, settings: Settings) -> None:
    given, sentences = UNSAFE[case]
    env = Environment({"SECRET_KEY": LONG, **given})
    settings.SECRET_KEY = env.text("SECRET_KEY", "")
    settings.DEBUG = env.flag("DEBUG")
    settings.BIND = env.text("BIND", "127.0.0.1")
    settings.ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
    settings.SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT")
    settings.SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 0, low=0)
    said = [error.msg for error in check_settings()]
    assert [
        (each, begins)
        for each, begins in zip(said, sentences, strict=True)
        if not each.startswith(begins)
    ] == []


def test_every_wrong_value_is_a_sentence_that_says_what_to_do() -> None:
    done = check(**{name: value for name, (value, _) in WRONG.items()})
    assert done.returncode == 1
    assert [sentence for _, sentence in WRONG.values() if sentence not in done.stderr] == []
    assert "Traceback" not in done.stderr
    assert "my secret" not in done.stderr
    assert "tell no one" not in done.stderr


@pytest.mark.parametrize("url", ["http://", "http://u:p@h/v1", "ftp://h", "http://h:x/v1", "//h"])
def test_the_address_of_a_model_is_one_of_http_without_a_password(
    url: str, settings: Settings
) -> None:
    settings.LLM_BASE_URL, settings.LLM_MODEL = url, "parrot"
    assert [error.msg[:13] for error in check_settings()] == ["LLM_BASE_URL:"]
    settings.LLM_BASE_URL = "http://[::1]:8080/v1"
    assert check_settings() == []


def test_a_data_directory_that_cannot_be_made_is_a_sentence() -> None:
    done = check(DATA_DIR="/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("DATA_DIR: /proc/nowhere cannot be made")


@pytest.mark.parametrize("url", ["nonsense://", "just words", "postgresql://h:port/db"])
def test_a_database_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        database(url)


def test_connections_are_kept_as_one_wants_or_a_sentence_says_why_not() -> None:
    server: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "OPTIONS": {"sslmode": "require"},
    }
    assert Connections(max_age=60, pool=0, pgbouncer=True).apply_to(server) == []
    assert (server["CONN_MAX_AGE"], server["CONN_HEALTH_CHECKS"]) == (60, True)
    assert server["DISABLE_SERVER_SIDE_CURSORS"] is True
    assert server["OPTIONS"] == {"sslmode": "require"}
    assert Connections(max_age=0, pool=7, pgbouncer=False).apply_to(server) == []
    assert (server["CONN_MAX_AGE"], server["OPTIONS"]["pool"]["max_size"]) == (0, 7)
    assert "set one" in Connections(max_age=1, pool=1, pgbouncer=False).apply_to(server)[0]
    file = database("sqlite:///x")
    assert len(Connections(max_age=60, pool=1, pgbouncer=True).apply_to(dict(file))) == 1
    assert len(Connections(max_age=0, pool=1, pgbouncer=True).apply_to(dict(file))) == 2


@pytest.mark.parametrize(
    "command", ["daphne progress.asgi:application", "celery -A progress worker"]
)
def test_processes_that_manage_py_does_not_start_refuse_wrong_values_too(command: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=ROOT,
        env={**os.environ, "JOB_LEASE": "soon"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "JOB_LEASE is 'soon': use a whole number" in done.stderr


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "SECRET_KEY": ""}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    keys = {process.communicate(timeout=PATIENCE)[0].strip() for process in processes}
    assert len(keys) == 1
    assert len(keys.pop()) > 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("secret*")] == ["secret_key"]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_data_directory_that_others_could_read_is_closed(tmp_path: Path) -> None:
    for name in ("", "files", "files/uploads", "tmp", "valkey"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name).chmod(0o755)
    for name in ("db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"):
        (tmp_path / name).touch(0o644)
    done = check(DATA_DIR=str(tmp_path), DATABASE_URL="")
    assert done.returncode == 0
    assert "W001" not in done.stderr
    assert {mode(tmp_path / name) for name in ("", "files", "tmp")} == {0o700}
    assert {mode(path) for path in tmp_path.glob("db.sqlite3*")} == {0o600}


def test_a_directory_that_holds_other_things_is_not_closed_but_told_of(tmp_path: Path) -> None:
    """Such as /tmp, or a home."""
    tmp_path.chmod(0o755)
    (tmp_path / "letters.txt").touch()
    done = check(DATA_DIR=str(tmp_path), DATABASE_URL="")
    assert mode(tmp_path) == 0o755
    assert f"can look into {tmp_path}" in done.stderr
    assert (mode(tmp_path / "db.sqlite3"), mode(tmp_path / "files")) == (0o600, 0o700)


def test_files_of_jobs_are_for_their_owner_alone() -> None:
    path = Path(default_storage.path(default_storage.save("uploads/x/y", ContentFile(b"z"))))
    try:
        assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    finally:
        path.unlink()


@pytest.mark.parametrize(("word", "meaning"), [("yes", True), ("0", False), ("", False)])
def test_a_flag_has_the_usual_spellings(word: str, meaning: bool) -> None:
    assert Environment({"FLAG": word}).flag("FLAG") is meaning


def test_a_list_has_commas_and_no_blanks() -> None:
    assert Environment({"HOSTS": " a, b ,,"}).words("HOSTS", "c") == ["a", "b"]
