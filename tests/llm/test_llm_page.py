"""What docs/llm.md shows works as it stands."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from headway.web import tokens
from tests.support.llm_server import LlmServer, words
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey, Web

PAGE = (Path(settings.BASE_DIR) / "docs/llm.md").read_text()
ANSWER = ["Because", " it", " is.\n", "🎈"]


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


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
    done = subprocess.run(command, env=environment, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.mark.parametrize("snippet", snippets("python"))
def test_the_python_of_the_page_prints_the_answer(snippet: str, shell: dict[str, str]) -> None:
    assert run([sys.executable, "-X", "utf8", "-c", snippet], shell) == "".join(ANSWER)


def test_the_curl_of_the_page_reads_a_stream(shell: dict[str, str]) -> None:
    [ask] = snippets("sh")
    blocks = run(["sh", "-c", ask], shell).split("\n\n")
    assert blocks[:2] == ["id: 1", 'data: {"content":"Because"}']
    assert blocks[-2:] == ["data: [DONE]", ""]
