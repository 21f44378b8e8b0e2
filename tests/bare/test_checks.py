"""`manage.py check` says what is wrong in a project before its people find it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from headway import project_checks
from headway.kinds import registry, sealing
from progress.celery import app
from tests.bare.conftest import Project
from tests.jobs import private_kinds

ROOT = Path(settings.BASE_DIR)
ID = re.compile(r'"(?:headway\.)?([EW]\d{3})"')


def test_each_id_is_documented() -> None:
    used = {code for file in ROOT.glob("headway/**/*.py") for code in ID.findall(file.read_text())}
    table = (ROOT / "docs/operations.md").read_text().replace("W031` to `W033", "W031 W032 W033")
    assert used == set(re.findall(r"\b([EW]\d{3})\b", table))


def ids() -> list[str]:
    found = [message for check in project_checks.ALL for message in check()]
    return [str(message.id).removeprefix("headway.") for message in found]


def test_a_site_and_a_project_in_which_all_is_well_are_told_nothing(project: Project) -> None:
    assert ids() == []
    assert "no issues" in project.manage("check")


def test_no_redis_address(settings: Settings) -> None:
    settings.HEADWAY = {"JOB_LEASE": 60}
    assert ids() == ["W001"]
    settings.HEADWAY = "redis://"
    assert ids() == []  # headway.E001 tells of it


def test_an_unknown_key(settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"JOB_LAESE": 60}
    assert ids() == ["W002"]


def test_asgi_without_the_handler(settings: Settings) -> None:
    settings.ASGI_APPLICATION = "tests.bare.plain_asgi.application"
    assert ids() == ["W003"]
    settings.ASGI_APPLICATION = "no.such.module.application"
    assert ids() == []  # Django tells of it


def test_wsgi_alone(settings: Settings) -> None:
    settings.WSGI_APPLICATION = "tests.bare.wsgi.application"
    assert ids() == []
    del settings.ASGI_APPLICATION
    assert ids() == ["W004"]


@pytest.mark.parametrize(("name", "code"), project_checks.MIDDLEWARE.items())
def test_missing_middleware(name: str, code: str, settings: Settings) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != name]
    assert ids() == [code]


def test_tokens_after_the_check_of_forms(settings: Settings) -> None:
    tokens = "headway.web.tokens.BearerTokens"
    settings.MIDDLEWARE = [*(each for each in settings.MIDDLEWARE if each != tokens), tokens]
    assert ids() == ["W008"]


def test_templates_that_are_not_found(settings: Settings) -> None:
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"APP_DIRS": False}]
    assert ids() == ["E006"]


BASES = {
    "root.html": "{% block title %}{% endblock %}{% block head %}{% endblock %}",
    "whole.html": "{% extends 'root.html' %}{% block head %}{% block content %}"
    "{% endblock %}{% endblock %}",
    "unshown.html": "{% extends 'root.html' %}{% block content %}{% endblock %}",
    "unknown.html": "{% extends whichever %}",
    "orphan.html": "{% extends 'nowhere.html' %}",
}


@pytest.mark.parametrize(
    ("name", "found"),
    {
        "root.html": ["W013"],
        "whole.html": [],
        "unshown.html": ["W013"],
        "unknown.html": [],  # which one it extends is seen when it is rendered
        "orphan.html": ["E008"],
        "nowhere.html": ["E008"],
    }.items(),
)
def test_a_base_template_without_the_blocks_of_pages(
    name: str, found: list[str], settings: Settings
) -> None:
    [engine] = settings.TEMPLATES
    loaders = [
        ("django.template.loaders.locmem.Loader", BASES),
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [engine | {"APP_DIRS": False, "OPTIONS": options}]
    settings.HEADWAY = settings.HEADWAY | {"BASE_TEMPLATE": name}
    assert ids() == found


class Replica:
    """A router that reads from another database."""

    def db_for_read(self, *_: Any, **__: Any) -> str:
        return "replica"


def test_a_router_that_reads_jobs_elsewhere(settings: Settings) -> None:
    settings.DATABASE_ROUTERS = [Replica()]
    assert ids() == ["W014"]


@pytest.fixture
def celery() -> Iterator[Any]:
    """The configuration of Celery, as it was before afterwards."""
    changes: Any = app.conf.changes
    before = dict(changes)
    yield current_app.conf
    changes.clear()
    changes.update(before)


CELERY = {
    "W009": ("worker_consumer", "celery.worker.consumer:Consumer"),
    "W010": ("worker_prefetch_multiplier", 4),
    "W011": ("broker_transport_options", {"visibility_timeout": 10}),
}


@pytest.mark.parametrize("code", CELERY)
def test_settings_of_celery_that_cost_jobs(code: str, celery: Any) -> None:
    name, value = CELERY[code]
    celery[name] = value
    assert ids() == [code]


def test_a_job_that_is_acknowledged_early(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = registry.get("simulate")
    monkeypatch.setattr(kind.task, "acks_late", False)
    assert ids() == ["W012"]


def test_a_kind_with_secrets_that_cannot_be_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "IS_POSSIBLE", False)
    assert private_kinds.__name__ in str(list(project_checks.check_secrets()))
    assert set(ids()) == {"E007"}
    with pytest.raises(ImproperlyConfigured, match="secrets"):
        sealing.seal("a secret")
