"""What docs/llm.md shows works as it stands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.web import tokens
from tests.support.llm_server import CUT, LlmServer, token, words
from tests.support.pages import Block, blocks, code
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey, Web

PAGE = "docs/llm.md"
ANSWER = ["Because", " it", " is.\n", "🎈"]


@pytest.fixture(scope="module")
def web(server: LlmServer, valkey: Valkey, django_db_setup: None) -> Iterator[Web]:
    process = Web(LLM_BASE_URL=server.url, LLM_MODEL="parrot")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def shell(web: Web, server: LlmServer, transactional_db: None, alice: User) -> dict[str, str]:
    """The environment that the page speaks of."""
    server.expect(words(*ANSWER))
    return {**os.environ, "SITE": web.url, "TOKEN": tokens.issue(alice)[1]}


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("block", blocks(PAGE, "python"), ids=str)
def test_the_python_of_the_page_prints_the_answer(block: Block, shell: dict[str, str]) -> None:
    assert run([sys.executable, "-X", "utf8", "-c", block.code], shell) == "".join(ANSWER)


def test_the_curl_of_the_page_reads_the_stream_of_the_page(
    shell: dict[str, str], server: LlmServer
) -> None:
    server.expect(words("Be", "cause."))
    assert run(["sh", "-c", code(PAGE, "curl ")], shell) == code(PAGE, "id: 1\n") + "\n"


def test_an_error_is_told_as_on_the_page(shell: dict[str, str], server: LlmServer) -> None:
    server.expect([token("Be"), CUT])
    told = run(["sh", "-c", code(PAGE, "curl ")], shell)
    assert told.endswith("\n\n" + code(PAGE, "event: error\n") + "\n")


def test_the_settings_of_the_page_have_no_problem() -> None:
    """All of them are checked when `up` starts; tests/test_up.py starts it."""
    settings_and_up = code(PAGE, "manage.py up")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    command = settings_and_up.replace("manage.py up", "manage.py check")
    assert "no issues" in run(["sh", "-c", command], {**os.environ, "PATH": path})
