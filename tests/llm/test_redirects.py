"""The question goes to LLM_BASE_URL and nowhere else, wherever a server points."""

import json

import pytest

from jobs.llm.language_model import ModelError
from jobs.llm.model_answer import answer
from tests.support.llm_server import Answer, LlmServer, words


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Other", "308 Moved"])
async def test_the_question_is_not_sent_on(model: LlmServer, status: str) -> None:
    with LlmServer() as elsewhere:
        elsewhere.expect(words("told"))
        location = {"Location": f"{elsewhere.url}/chat/completions"}
        model.expect(Answer([b"{}"], status=status, kind="application/json", headers=location))
        with pytest.raises(ModelError, match=r"redirects to another URL.*LLM_BASE_URL"):
            _ = [piece async for piece in answer("Why?")]
        assert len(model.requests) == 1
        assert json.dumps(elsewhere.requests) == "[]"
