"""A language model that says what a test wants."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.support.llm_server import LlmServer, words

KEY = "sk-secret-0123456789"


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
