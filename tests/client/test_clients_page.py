"""What docs/clients.md shows works as it stands."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page

from jobs import actions, tokens
from jobs.models import Job
from tests.support.stack import Web, Worker
from tests.support.users import sign_in

PAGE = (Path(settings.BASE_DIR) / "docs/clients.md").read_text()


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


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
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
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


def test_the_javascript_of_the_page_shows_a_job_to_its_end(
    page: Page, web: Web, alice: User, job: Job
) -> None:
    sign_in(page.context, alice, web.url)
    page.goto(f"{web.url}/healthz")
    [snippet] = snippets("js")
    ended = "new Promise((resolve) => source.addEventListener('done', resolve))"
    script = f"async () => {{ const JOB = '{job.pk}'; {snippet}; await {ended};"
    assert page.evaluate(f"{script} return [document.title, source.readyState] }}") == [
        "succeeded 100",
        2,  # closed
    ]
