"""The text that a job puts out, as it grows on the job's page."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from headway.conf import conf
from headway.lifecycle.log import log
from headway.models import Status
from headway.stream import Event, Log
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)


def texts(count: int) -> list[str]:
    return [f"{number} <b>&amp;</b>\n" for number in range(count)]


def test_what_was_rendered_is_not_shown_a_second_time(
    page: Page, proxy: Proxy, running: Running
) -> None:
    """What is put out between reading the cursor and reading the output is in both: as if all of
    it had been."""
    before = log().read([str(running.job.pk)]).cursor

    def with_an_old_cursor(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'data-cursor="\d+"', f'data-cursor="{before}"', answer.text())
        route.fulfill(response=answer, body=body)

    for text in texts(3):
        running.say("output", text=text)
    running.write("one line")
    page.route(f"**{running.path}", with_an_old_cursor)
    watch(page, f"{proxy.url}{running.path}")
    running.say("output", text="and on")
    running.write("another line")
    expect(page.locator("[data-output]")).to_have_text("".join(texts(3)) + "and on")
    expect(page.locator("[data-lines] li")).to_have_text(["one line", "another line"])


def test_a_page_that_missed_more_than_the_log_keeps_shows_all_of_it_again(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    proxy.mode = "502"
    proxy.drop()
    job = str(running.job.pk)
    few = Log(conf.REDIS_URL, maxlen=100)
    for text in texts(400):
        said = Event("output", {"job": job, "attempt": 1, "text": text})
        few.append(job, said, attempt=1)
    few.close()
    proxy.mode = "pass"
    output = page.locator("[data-output]")
    expect(output).to_contain_text("399")
    running.say("output", text="and on")
    expect(output).to_have_text("".join(texts(400)) + "and on")


def test_a_long_text_is_followed_at_its_end_and_not_when_somebody_reads_further_up(
    open_tab: OpenTab, running: Running
) -> None:
    for text in texts(200):
        running.say("output", text=text)
    tab = open_tab(running.path)
    away = "box => box.scrollHeight - box.scrollTop - box.clientHeight"
    output = tab.locator("[data-output]")
    assert output.evaluate(away) < 5
    running.say("output", text="more\n" * 20)
    expect(output).to_contain_text("more")
    assert output.evaluate(away) < 5
    output.evaluate("box => box.scrollTop = 0")
    running.say("output", text="last\n")
    expect(output).to_contain_text("last")
    assert output.evaluate("box => box.scrollTop") == 0


def test_an_output_that_is_the_result_is_shown_once_when_the_job_has_ended(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    answer = "An answer\n\n  in two parts."
    running.say("output", text=answer)
    expect(page.locator("[data-output]")).to_have_text(answer)
    running.become(Status.SUCCEEDED, result=answer)
    expect(page.get_by_text("in two parts.")).to_have_count(1)
    expect(page.locator("#result pre")).to_have_text(answer)
    assert json.dumps(answer) not in page.content()
