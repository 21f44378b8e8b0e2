"""Fixtures: the real parts of an installation, and a browser."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from headway.lifecycle import queue
from headway.web import days, runs, system
from tests.support.patience import PATIENCE
from tests.support.proxy import Proxy
from tests.support.servers import Serve, Servers
from tests.support.stack import Janitor, Valkey, Web, Worker
from tests.support.users import make_user

# A busy machine draws slowly: that says nothing of a test
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

KEPT = ("auth_permission", "django_content_type")
SHELL, WHOLE = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
CHROMIUM = SHELL if SHELL.exists() else WHOLE
"""Without its windows Chromium takes a third of the CPU time for a tab."""
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(autouse=True)
def in_the_language_of_the_site() -> None:
    """A page that was asked for in another language leaves that to the next test of the thread."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What this process remembers for some seconds is of another test's rows: SQLite gives their
    keys again."""
    for known in (queue._line, days._before, runs._usual, system._numbers, system._seen):
        known.forget()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """The test database is the file that every process of the tests has in DATABASE_URL."""
    database = settings.DATABASES["default"]
    database["TEST"]["NAME"] = database["NAME"]


@pytest.fixture(scope="session", autouse=True)
def static_files_on_demand() -> None:
    """Test clients look for a static file when one is asked for: listing them all took 55 ms for
    each client, a third of the time of tests/pages."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(scope="session", autouse=True)
def permissions_kept() -> Iterator[None]:
    """After a test with transactions of its own Django empties all tables, and makes the rows of
    content types and permissions again: 38 of 40 ms of CPU, for what no test changes."""

    def empty(case: Any) -> None:
        for alias in case._databases_names(include_mirrors=False):
            connection = connections[alias]
            names = connection.introspection.django_table_names(
                only_existing=True, include_views=False
            )
            tables = [name for name in names if name not in KEPT]
            connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty)
        yield


@pytest.fixture(scope="session", autouse=True)
def passwords_hashed_quickly() -> None:
    """A hash says how often it was hashed, so that the processes of the tests know it: a third of
    a second for each password was most of what tests of accounts took."""
    PBKDF2PasswordHasher.iterations = 1000


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """The Valkey server that REDIS_URL points to."""
    server = Valkey()
    server.start()
    yield server
    server.resume()
    server.stop()


@pytest.fixture(scope="module")
def worker(valkey: Valkey, django_db_setup: None) -> Iterator[Worker]:
    """A Celery worker, for all tests of a module. Its tests need `transactional_db`."""
    process = Worker()
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def janitor(valkey: Valkey, django_db_setup: None) -> Iterator[Janitor]:
    """The janitor, for all tests of a module. Its tests need `transactional_db`."""
    process = Janitor()
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="session")
def serve(valkey: Valkey, django_db_setup: None) -> Iterator[Serve]:
    """Web servers; those that are alike are shared. Their tests need `transactional_db`."""
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """Daphne, as it comes. Its tests need `transactional_db`."""
    return serve(Web)


@dataclass(frozen=True)
class Stack:
    """All the processes of an installation."""

    valkey: Valkey
    web: Web
    worker: Worker
    janitor: Janitor


@pytest.fixture
def stack(
    valkey: Valkey, web: Web, worker: Worker, janitor: Janitor, transactional_db: None
) -> Iterator[Stack]:
    """A whole installation over the test database; what a test killed is started again."""
    yield Stack(valkey, web, worker, janitor)
    for process in (valkey, web, worker, janitor):
        if not process.running:
            process.start()


@pytest.fixture
def proxy(web: Web) -> Iterator[Proxy]:
    """A proxy before `web` that fails on command."""
    between = Proxy(web.port)
    yield between
    between.close()


@pytest.fixture
def alice(db: None) -> User:
    """An ordinary user."""
    return make_user("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Another ordinary user."""
    return make_user("bob")


@pytest.fixture
def boss(db: None) -> User:
    """A member of staff."""
    return make_user("boss", staff=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; without it tests skip on a laptop and fail in CI. Closed after each file,
    and Playwright's event loop with it."""
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing: apt-get install {CHROMIUM.name}")
        pytest.skip(f"{CHROMIUM} is missing")
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
        )
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of the test's own."""
    profile = browser.new_context()
    profile.set_default_timeout(PATIENCE * 1000)
    yield profile
    for page in profile.pages:
        page.unroute_all(behavior="ignoreErrors")
    profile.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty tab."""
    return context.new_page()
