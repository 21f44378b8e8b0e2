"""A language model that says what a test wants, and web servers that ask it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from headway.web import tokens
from tests.support.llm_server import LlmServer, words
from tests.support.patience import PATIENCE
from tests.support.servers import Uvicorn
from tests.support.stack import Valkey, Web

KEY = "sk-secret-0123456789"
URL = "/chat/?prompt=Why%3F"
AT_ONCE = 5
"""So many answers may one user read at once."""


@pytest.fixture(scope="module")
def server() -> Iterator[LlmServer]:
    """The server of a module's model."""
    with LlmServer() as listening:
        yield listening


@pytest.fixture
def model(server: LlmServer, settings: Settings) -> LlmServer:
    """The same, to be asked from this process and ready with an answer."""
    settings.LLM_BASE_URL, settings.LLM_MODEL = server.url, "parrot"
    settings.LLM_API_KEY = KEY
    server.expect(words("Hello", " world"))
    return server


@pytest.fixture(scope="module", params=[Web, Uvicorn])
def web(
    request: pytest.FixtureRequest, server: LlmServer, valkey: Valkey, django_db_setup: None
) -> Iterator[Web]:
    """Each web server, with the module's model."""
    process: Web = request.param(
        LLM_BASE_URL=server.url,
        LLM_MODEL="parrot",
        LLM_API_KEY=KEY,
        LLM_MAX_PER_USER=str(AT_ONCE),
        LLM_MAX_ANSWER="1000000",
        STREAM_KEEPALIVE="1",
        STREAM_RECHECK="1",
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def headers(transactional_db: None, alice: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.issue(alice)[1]}"}


@pytest.fixture
def client(web: Web, model: LlmServer, headers: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=web.url, headers=headers, timeout=PATIENCE) as opened:
        yield opened


@pytest.fixture
async def aclient(
    web: Web, model: LlmServer, headers: dict[str, str]
) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, headers=headers, timeout=PATIENCE) as opened:
        yield opened
