"""What docs/clients.md shows works as it stands."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page

from headway.lifecycle import actions
from headway.models import Job
from headway.web import tokens
from tests.client.page import snippets
from tests.support.patience import PATIENCE
from tests.support.stack import Web, Worker
from tests.support.users import sign_in


@pytest.fixture
def job(worker: Worker, web: Web, transactional_db: None, alice: User) -> Job:
    del worker, web, transactional_db
    return actions.start("simulate", {"seconds": 1, "steps": 20, "phases": 1}, owner=alice)


@pytest.fixture
def shell(job: Job, web: Web, alice: User) -> dict[str, str]:
    """The environment that the page speaks of."""
    _, token = tokens.issue(alice)
    known = {"SITE": web.url, "JOB": str(job.pk), "TOKEN": token}
    return {**os.environ, **known, "PYTHONPATH": str(settings.BASE_DIR)}


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("snippet", snippets("python"))
def test_the_python_of_the_page_follows_a_job_to_its_end(
    snippet: str, shell: dict[str, str]
) -> None:
    assert "succeeded" in run([sys.executable, "-c", snippet], shell).splitlines()[-1]


def test_the_curl_of_the_page_reads_a_stream_and_starts_a_job(shell: dict[str, str]) -> None:
    follow, start = snippets("sh")
    assert run(["sh", "-c", follow], shell).endswith("data: [DONE]\n\n")
    started = json.loads(run(["sh", "-c", start], shell))
    assert Job.objects.get(pk=started["job"]).kind == "simulate"


def test_the_loop_around_curl_prints_whole_events_to_the_end(shell: dict[str, str]) -> None:
    [loop] = snippets("bash")
    printed = run(["bash", "-c", loop], shell)
    assert printed.startswith("retry: ")
    assert printed.endswith("event: done\ndata: [DONE]\n\n")


@pytest.mark.parametrize("transport", ["source", "socket"])
def test_the_javascript_of_the_page_shows_a_job_to_its_end(
    page: Page, web: Web, alice: User, job: Job, transport: str
) -> None:
    sign_in(page.context, alice, web.url)
    page.goto(f"{web.url}/healthz")
    [snippet] = [each for each in snippets("js") if each.startswith(f"const {transport} =")]
    over = "done" if transport == "source" else "close"
    ended = f"new Promise((resolve) => {transport}.addEventListener('{over}', resolve))"
    script = f"async () => {{ const JOB = '{job.pk}'; {snippet}; await {ended};"
    closed = page.evaluate(f"{script} return [document.title, {transport}.readyState] }}")
    assert closed == ["succeeded 100", {"source": 2, "socket": 3}[transport]]
