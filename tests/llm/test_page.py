"""The page of a question, in a browser, with a worker and a model."""

import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.llm.conftest import KEY
from tests.support.llm_server import LlmServer, Piece, end, token
from tests.support.stack import Valkey, Web, Worker
from tests.support.users import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
SETTINGS = {"LLM_MODEL": "parrot", "LLM_API_KEY": KEY}
LINES = 400
"""Of an answer, each a token of its own: many more than a page shows of a log."""


@pytest.fixture(scope="module")
def site(server: LlmServer, valkey: Valkey, django_db_setup: None) -> Iterator[str]:
    """A web process and a worker that know the model."""
    web = Web(LLM_BASE_URL=server.url, **SETTINGS)
    worker = Worker(LLM_BASE_URL=server.url, **SETTINGS)
    web.start()
    worker.start()
    yield web.url
    worker.stop()
    web.stop()


def line(number: int) -> str:
    return f"{number}. <i>once</i> & again\n"


def whole(count: int) -> str:
    return "".join(map(line, range(count)))


def test_the_answer_grows_survives_reloads_and_is_whole_in_the_end(
    page: Page, site: str, server: LlmServer, alice: User
) -> None:
    read, finish = threading.Event(), threading.Event()

    def speaking() -> Iterator[Piece]:
        yield token(line(0))
        yield read
        for number in range(1, LINES):
            yield token(line(number))
            threading.Event().wait(0.005)
        yield finish
        yield end()

    [given] = server.expect([])
    given.pieces = speaking()
    sign_in(page.context, alice, site)
    page.goto(f"{site}/jobs/start/ask-model/")
    page.get_by_label("Question").fill("Say it again,\nand again.")
    page.get_by_role("button", name="Start").click()
    output = page.locator("[data-output]")
    expect(output).to_have_text(whole(1))
    expect(page.locator("[data-field=phase]")).to_have_text("Answering")
    read.set()
    for number in (20, 60, 100):  # in the middle of it
        expect(output).to_contain_text(line(number).rstrip())
        page.reload()
        assert whole(20) in (output.text_content() or "")
    expect(output).to_contain_text(line(LINES - 1).rstrip())
    assert output.text_content() == whole(LINES)
    page.reload()
    assert output.text_content() == whole(LINES)
    expect(page.locator("[data-field=message]")).to_have_text(f"{LINES} tokens")
    finish.set()
    expect(page.locator(".panel .badge")).to_have_text("Succeeded")
    expect(output).to_be_hidden()
    assert page.locator("#result-value pre").text_content() == whole(LINES)
    with page.expect_download() as download:
        page.get_by_role("link", name="answer.md").click()
    assert download.value.path().read_text() == whole(LINES)


def test_a_click_on_cancel_stops_the_model_and_leaves_what_came(
    page: Page, site: str, server: LlmServer, alice: User
) -> None:
    [given] = server.expect([token("Once upon"), threading.Event()])
    sign_in(page.context, alice, site)
    page.goto(f"{site}/jobs/start/ask-model/?prompt=Tell+me+a+story")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("[data-output]")).to_have_text("Once upon")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".panel .badge")).to_have_text("Cancelled")
    expect(page.locator("[data-output]")).to_have_text("Once upon")
    assert given.left.is_set()
