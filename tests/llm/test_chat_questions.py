"""GET and POST /chat/: what is a question, who may ask it, and how often."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs.models import ModelUse
from tests.llm.conftest import URL
from tests.support.llm_server import LlmServer, words
from tests.support.processes import wait_until
from tests.support.stack import Valkey


def test_a_question_may_be_posted(client: httpx.Client, model: LlmServer) -> None:
    for form in ({"json": {"prompt": "Why?", "instructions": "Briefly."}},
                 {"data": {"prompt": "Why?", "instructions": "Briefly."}}):  # fmt: skip
        response = client.post("/chat/", **form)  # type: ignore[arg-type]  # json or data
        assert response.text.count("data: ") == 3
        roles = [each["role"] for each in model.requests[-1]["messages"]]
        assert roles == ["system", "user"]


@pytest.mark.parametrize(
    ("method", "url", "given", "status"),
    [
        ("GET", "/chat/", {}, 400),
        ("GET", "/chat/?prompt=+", {}, 400),
        ("GET", "/chat/?prompt=a&temperature=2", {}, 400),
        ("POST", "/chat/", {"content": "{", "headers": {"Content-Type": "application/json"}}, 400),
        ("POST", "/chat/", {"json": ["prompt"]}, 400),
        ("POST", "/chat/", {"json": {"prompt": {"a": 1}}}, 400),
        ("POST", "/chat/", {"json": {"prompt": "x" * 40_000}}, 400),
        ("GET", URL, {"headers": {"Authorization": "Bearer pt_1_x"}}, 401),
        ("GET", URL, {"headers": {"Authorization": ""}}, 401),
        ("PUT", URL, {}, 405),
        ("HEAD", URL, {}, 200),
        ("GET", URL, {"headers": {"Last-Event-ID": "1"}}, 204),
    ],
)  # fmt: skip
def test_what_is_no_question_is_not_asked(
    client: httpx.Client, model: LlmServer, method: str, url: str, given: Any, status: int
) -> None:
    response = client.request(method, url, **given)
    assert response.status_code == status
    assert model.requests == []
    if status >= 400:
        assert response.json()["status"] == status


def test_a_session_needs_the_form_token_to_post_and_no_foreign_link(
    transactional_db: None, model: LlmServer, alice: User, valkey: Valkey
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    assert client.post("/chat/", {"prompt": "Why?"}).status_code == 403
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get(URL, headers=foreign).status_code == 403


def test_without_a_model_it_says_what_to_set(db: None, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    response = client.get(URL)
    assert response.status_code == 503
    assert "LLM_BASE_URL, LLM_MODEL" in response.json()["detail"]


def test_a_day_has_so_many_answers_for_each_user(
    client: httpx.Client, model: LlmServer, alice: User
) -> None:
    model.expect(words("Because", " of", " that"))
    assert client.get(URL).status_code == 200
    used = ModelUse.objects.get(owner=alice)
    wait_until(lambda: ModelUse.objects.get(owner=alice).tokens == 3 + len("Why?") // 4)
    ModelUse.objects.update(answers=500)
    refused = client.get(URL)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    assert refused.json()["detail"].startswith("You have had as many answers of the model")
    ModelUse.objects.update(day=used.day - timedelta(days=1))
    assert client.get(URL).status_code == 200
    assert ModelUse.objects.get(owner=alice).answers == 1
