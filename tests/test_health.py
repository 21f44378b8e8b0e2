"""/healthz, /readyz and `manage.py health`, with parts that are really away."""

import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.test import Client, RequestFactory
from health_check.views import HealthCheckView
from pytest_django import Settings

from headway.lifecycle.log import log
from headway.lifecycle.readiness import Question
from tests.support.processes import wait_until
from tests.support.stack import Valkey

ELSEWHERE = "10.1.2.3:8000"
"""As a kubelet asks: by the address of a pod, which is no host of ours."""


def until(client: Client, status: str) -> dict[str, Any]:
    """The first answer with a status: a busy machine may take a part for away that is not."""

    def ask() -> dict[str, Any] | None:
        answer = client.get("/readyz", headers={"host": ELSEWHERE})
        assert (answer.status_code == 503) == (answer.json()["status"] == "unavailable")
        return answer.json() if answer.json()["status"] == status else None

    found = wait_until(ask)
    assert found is not None
    return found


def test_a_process_that_answers_is_healthy_even_without_redis(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_probes_answer_whatever_the_host_and_before_any_redirect(
    client: Client, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz", headers={"host": ELSEWHERE}).content == b"ok\n"
    assert client.get("/sign-in/", headers={"host": ELSEWHERE}).status_code in (301, 400)
    assert client.post("/healthz", headers={"host": "testserver"}).status_code == 301


@pytest.mark.django_db(transaction=True)
def test_an_installation_with_all_its_parts_is_ready(client: Client, valkey: Valkey) -> None:
    valkey.flush()
    log().alive("worker", "worker@here", {})
    log().alive("janitor", "janitor@here", {})
    found = until(client, "ok")
    used, limit = found.pop("descriptors")
    assert 3 < used < limit
    there = ("database", "migrations", "redis", "broker", "janitor")
    assert found == {"status": "ok", "workers": 1, **dict.fromkeys(there, True)}


@pytest.mark.django_db(transaction=True)
def test_without_redis_pages_work_and_it_says_what_is_away(client: Client, valkey: Valkey) -> None:
    valkey.stop()
    try:
        found = until(client, "degraded")
    finally:
        valkey.start()
    assert (found["database"], found["redis"], found["broker"]) == (True, False, False)


@pytest.mark.django_db(transaction=True)
def test_the_check_for_django_health_check_says_the_same(
    rf: RequestFactory, valkey: Valkey
) -> None:
    valkey.flush()
    strict, lenient = (
        HealthCheckView.as_view(checks=[("headway.health_check.Headway", {"pages_only": only})])
        for only in (False, True)
    )
    asked = rf.get("/", {"format": "json"})
    refused = async_to_sync(strict)(asked)
    assert refused.status_code == 500
    assert "degraded, away: workers, janitor" in refused.content.decode()
    assert async_to_sync(lenient)(asked).status_code == 200
    log().alive("worker", "worker@here", {})
    log().alive("janitor", "janitor@here", {})
    assert async_to_sync(strict)(asked).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_redis_that_hangs_delays_no_probe(client: Client, valkey: Valkey) -> None:
    valkey.flush()
    valkey.pause()
    try:
        found = until(client, "degraded")
    finally:
        valkey.resume()
    assert (found["redis"], found["broker"]) == (False, False)


def test_what_hangs_is_asked_once_and_waited_for_by_nobody() -> None:
    asked: list[int] = []
    answered = threading.Event()

    def ask() -> bool:
        asked.append(1)
        return answered.wait()

    question = Question(ask)
    first = question.put()
    assert (question.put(), first.done()) == (first, False)
    answered.set()
    assert (first.result(), asked) == (True, [1])
    assert question.put() is not first


@pytest.mark.django_db(transaction=True)
def test_the_command_says_the_same_and_exits_by_it(valkey: Valkey) -> None:
    valkey.flush()
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("health", stdout=said)
    assert ended.value.code == 1
    assert "workers: 0\njanitor: no\n" in said.getvalue()


def test_a_database_without_its_migrations_is_not_ready(tmp_path: Path) -> None:
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3", "DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "manage.py", "health"],
        env={**environment, "PATH": "/usr/bin:/bin", "SECRET_KEY": "0123456789" * 5},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "migrations: no\n" in done.stdout
