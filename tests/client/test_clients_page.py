"""What docs/clients.md shows works as it stands."""

import io
import json
import os
import shlex
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path
from string import Template

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from playwright.sync_api import Page

from headway.lifecycle import actions
from headway.models import Job
from headway.web import tokens
from tests.support.pages import Block, blocks, code
from tests.support.patience import PATIENCE
from tests.support.stack import Web, Worker
from tests.support.users import sign_in

PAGE = "docs/clients.md"


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


@pytest.mark.parametrize("block", blocks(PAGE, "python"), ids=str)
def test_the_python_of_the_page_follows_a_job_to_its_end(
    block: Block, shell: dict[str, str]
) -> None:
    assert "succeeded" in run([sys.executable, "-c", block.code], shell).splitlines()[-1]


def manage(line: str, environment: dict[str, str]) -> str:
    """What a line that begins with `python manage.py` prints, run in this process."""
    words = shlex.split(line)
    assert words[:2] == ["python", "manage.py"]
    printed = io.StringIO()
    words = [Template(word).substitute(environment) for word in words[2:]]
    with redirect_stdout(printed), suppress(SystemExit):
        call_command(*words)
    return printed.getvalue()


def test_a_token_is_printed(alice: User) -> None:
    printed = manage(code(PAGE, "manage.py token"), {})
    assert any((found := tokens.find(word)) and found.owner == alice for word in printed.split())


@pytest.mark.parametrize("command", code(PAGE, "manage.py watch").splitlines())
def test_each_command_shows_a_job_to_its_end(
    command: str, shell: dict[str, str], tmp_path: Path
) -> None:
    table = tmp_path / "people.csv"
    table.write_text("name,age\nAnn,41\n")
    printed = manage(command.replace("people.csv", str(table)), shell)
    assert "succeeded  100%" in printed.splitlines()[-1]


def test_the_curl_of_the_page_reads_a_stream_and_starts_a_job(shell: dict[str, str]) -> None:
    follow, start = [each.code for each in blocks(PAGE, "sh") if "curl" in each.code]
    assert run(["sh", "-c", follow], shell).endswith("data: [DONE]\n\n")
    started = json.loads(run(["sh", "-c", start], shell))
    assert Job.objects.get(pk=started["job"]).kind == "simulate"


def test_the_loop_around_curl_prints_whole_events_to_the_end(shell: dict[str, str]) -> None:
    [loop] = blocks(PAGE, "bash")
    printed = run(["bash", "-c", loop.code], shell)
    assert printed.startswith("retry: ")
    assert printed.endswith("event: done\ndata: [DONE]\n\n")


@pytest.mark.parametrize("transport", ["source", "socket"])
def test_the_javascript_of_the_page_shows_a_job_to_its_end(
    page: Page, web: Web, alice: User, job: Job, transport: str
) -> None:
    sign_in(page.context, alice, web.url)
    page.goto(f"{web.url}/healthz")
    snippet = code(PAGE, f"const {transport} =")
    over = "done" if transport == "source" else "close"
    ended = f"new Promise((resolve) => {transport}.addEventListener('{over}', resolve))"
    script = f"async () => {{ const JOB = '{job.pk}'; {snippet}; await {ended};"
    closed = page.evaluate(f"{script} return [document.title, {transport}.readyState] }}")
    assert closed == ["succeeded 100", {"source": 2, "socket": 3}[transport]]
