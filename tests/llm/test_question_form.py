"""The form of Ask a model, with a model and without one."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from headway.models import Job
from tests.support.llm_server import LlmServer
from tests.support.stack import Valkey

URL = "/jobs/start/ask-model/"
HINDRANCE = "No language model is configured."


@pytest.fixture
def alices(alice: User, valkey: Valkey) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_without_a_model_the_form_says_what_to_set_and_starts_nothing(alices: Client) -> None:
    shown = alices.get(URL).content.decode()
    assert shown.count(HINDRANCE) == 1
    assert "LLM_BASE_URL, LLM_MODEL" in shown
    assert '<button class="primary" disabled>' in shown
    refused = alices.post(URL, {"prompt": "Why?"})
    assert (refused.status_code, refused.content.decode().count(HINDRANCE)) == (400, 1)
    programs = alices.post(URL, {"prompt": "Why?"}, content_type="application/json")
    assert (programs.status_code, HINDRANCE in programs.content.decode()) == (400, True)
    assert not Job.objects.exists()


def test_with_a_model_the_question_is_kept_as_it_was_typed(
    alices: Client, model: LlmServer
) -> None:
    assert HINDRANCE not in alices.get(URL).content.decode()
    typed = "\n  def f():\n    pass  "
    started = alices.post(URL, {"prompt": typed, "instructions": ""})
    assert started.status_code == 303
    job = Job.objects.get()
    assert job.params == {"prompt": typed, "instructions": ""}
    assert "Ask a model" in alices.get(job.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("", "This field is required."),
        (" \n ", "This field is required."),
        ("x" * 101, "This may have up to 100 characters, and has 101."),
    ],
)
def test_a_question_that_is_none_or_too_long_is_refused(
    alices: Client, model: LlmServer, settings: Settings, prompt: str, said: str
) -> None:
    settings.LLM_MAX_PROMPT = 100
    refused = alices.post(URL, {"prompt": prompt})
    assert refused.status_code == 400
    assert said in refused.content.decode()


def test_a_long_question_is_short_in_lists_and_titles(alices: Client, model: LlmServer) -> None:
    alices.post(URL, {"prompt": "word " * 5000})
    assert alices.get("/").content.count(b"word") < 100
    page = alices.get(Job.objects.get().get_absolute_url()).content.decode()
    assert page.count("word") < 5100  # once in the details, and some in the heading
