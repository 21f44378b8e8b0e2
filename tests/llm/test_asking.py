"""Ask a model, as a job that a real worker runs."""

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from pytest_django import Settings

from headway import JobError
from headway.lifecycle import actions
from headway.lifecycle.log import log
from headway.models import Attempt, Job, Status
from headway.stream import keys
from jobs.llm.ask_model import FILE, ask_model
from jobs.models import ModelUse
from tests.jobs.waiting import ended, events, until_status
from tests.llm.conftest import KEY
from tests.support.llm_server import CUT, Answer, LlmServer, Piece, end, refusal, token, words
from tests.support.processes import wait_until
from tests.support.stack import Valkey, Worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def worker(server: LlmServer, valkey: Valkey, django_db_setup: None) -> Iterator[Worker]:
    del valkey, django_db_setup
    process = Worker(LLM_BASE_URL=server.url, LLM_MODEL="parrot", LLM_API_KEY=KEY)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def asked(model: LlmServer, worker: Worker) -> LlmServer:
    """The model, which the worker asks, too; a cancel needs the form's process to know it."""
    del worker
    return model


def ask(prompt: str = "Why?") -> Job:
    return actions.start("ask-model", {"prompt": prompt, "instructions": ""})


def outputs(job: Job) -> list[str]:
    return [data["text"] for kind, data in events(job) if kind == "output"]


def kept(job: Job) -> str:
    with default_storage.open(job.file_path(FILE)) as file:
        content: bytes = file.read()
    return content.decode()


def test_an_answer_is_put_out_and_is_the_result_and_a_file(asked: LlmServer) -> None:
    answer = "Because 🎈\n\n  1. of\r\n  2. \tthat\n"
    asked.expect(words(*answer))
    job = ended(ask())
    assert (job.status, job.result, job.files) == (Status.SUCCEEDED, answer, [FILE])
    assert "".join(outputs(job)) == log().output(str(job.pk)).text == kept(job) == answer
    told: list[Any] = [data for kind, data in events(job) if kind == "progress"]
    progress = [data for data in told if data["status"] == "running"]
    assert (progress[-1]["phase"], progress[-1]["percent"]) == ("Answering", None)
    assert (progress[-1]["current"], progress[-1]["total"]) == (len(answer), None)
    assert progress[-1]["message"] == f"{len(answer)} tokens"


def test_the_first_token_is_in_the_log_at_once_and_later_ones_together(asked: LlmServer) -> None:
    sent: list[float] = []
    read = threading.Event()

    def speaking() -> Iterator[Piece]:
        threading.Event().wait(0.25)
        sent.append(time.time())
        yield token("first")
        yield read
        for number in range(200):
            yield token(f" {number}")
            threading.Event().wait(0.002)
        yield end()

    asked.expect(Answer(speaking()))
    job = ask()
    wait_until(lambda: outputs(job) == ["first"], every=0.01)  # the model waits, we do not
    read.set()
    ended(job)
    entries: Any = log()._redis.xrange(keys.log(str(job.pk)))
    arrived = next(
        int(entry.split(b"-")[0]) / 1e6
        for entry, fields in entries
        if b"\nevent: output\n" in fields[b"f"]
    )
    assert arrived - sent[0] < 0.5  # 0.1 on a machine that does nothing else
    assert 2 < len(outputs(job)) < 50


def test_an_answer_that_breaks_fails_with_a_sentence_and_keeps_what_came(
    asked: LlmServer, worker: Worker
) -> None:
    asked.expect([token("Half an"), token(" answer"), CUT])
    job = ended(ask())
    assert job.status == Status.FAILED
    assert job.reason == "The connection to the model broke in the middle of the answer."
    assert (job.result, job.files) == (None, [FILE])
    assert "".join(outputs(job)) == kept(job) == "Half an answer"
    asked.expect(words("A whole answer"))
    actions.retry(job)
    again = ended(job)
    assert (again.status, again.attempt) == (Status.SUCCEEDED, 2)
    assert (again.result, kept(again)) == ("A whole answer", "A whole answer")
    assert log().output(str(job.pk)).text == "A whole answer"


def test_the_key_is_nowhere_to_be_read(asked: LlmServer, worker: Worker) -> None:
    asked.expect(refusal("401 Unauthorized", f"Incorrect API key provided: {KEY}"))
    job = ended(ask())
    assert job.reason == (
        "The model's server rejected the key. The operator of this site can check LLM_API_KEY."
    )
    [attempt] = Attempt.objects.filter(job=job)
    assert "ModelError" in attempt.error
    assert KEY not in f"{vars(job)} {vars(attempt)} {events(job)} {worker.output}"
    assert "status_code 401" in worker.output


@pytest.mark.parametrize("before", [[], [token("Well, ")]], ids=["silent", "speaking"])
def test_cancelling_stops_the_model_even_while_it_is_silent(
    asked: LlmServer, before: list[Piece]
) -> None:
    [given] = asked.expect([*before, threading.Event()])
    job = ask()
    wait_until(lambda: asked.requests)
    wait_until(lambda: len(outputs(job)) == len(before))
    actions.cancel(until_status(job, Status.RUNNING))
    wait_until(given.left.is_set)
    job = ended(job)
    assert (job.status, job.files) == (Status.CANCELLED, [FILE] if before else [])
    if before:
        assert kept(job) == "Well, "


def test_called_like_a_function_it_answers(model: LlmServer, settings: Settings) -> None:
    assert ask_model("Why?", "Be brief.") == "Hello world"
    model.expect(words())
    assert ask_model("Why?") == ""
    settings.LLM_MAX_ANSWER = 5
    model.expect(words("Hello", " world"))
    assert ask_model("Why?") == "Hello"
    settings.LLM_MODEL = ""
    with pytest.raises(JobError, match="LLM_BASE_URL, LLM_MODEL"):
        ask_model("Why?")


def test_a_model_that_fails_leaves_no_loop_behind(model: LlmServer) -> None:
    model.expect(refusal("500 Internal Server Error"))
    with pytest.raises(JobError, match="reports an error"):
        ask_model("Why?")
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_a_user_who_has_had_all_tokens_of_the_day_gets_a_sentence(
    asked: LlmServer, alice: User
) -> None:
    asked.expect(words("Hello"))
    question = {"prompt": "Why?", "instructions": ""}
    first = ended(actions.start("ask-model", question, owner=alice))
    assert (first.status, ModelUse.objects.get().tokens) == (Status.SUCCEEDED, 2)
    ModelUse.objects.update(tokens=500_000)
    second = ended(actions.start("ask-model", question, owner=alice))
    assert second.status == Status.FAILED
    assert second.reason.startswith("You have had as many answers of the model")
