"""The log of a job's page, with more lines than a document should hold."""

import re

import pytest
from playwright.sync_api import Page, expect

from headway.lifecycle import whole_log
from headway.stream.event import Line
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 100_000
MOST = 1500
"""Lines in the document, at most."""


SEEN = """(() => {
  const { top } = document.querySelector('#lines').getBoundingClientRect();
  const lines = [...document.querySelectorAll('#lines li[id]')];
  const seen = lines.find((li) => li.getBoundingClientRect().top >= top);
  return seen && `${seen.textContent} at ${Math.round(seen.getBoundingClientRect().top - top)}`;
})()"""
"""The first line that is seen, and where."""


def line(n: int) -> Line:
    level = "warning" if n % 20_000 == 0 else "info"
    return {"n": n, "t": 1_700_000_000_000 + n, "level": level, "text": f"line {n}"}


@pytest.fixture
def long(running: Running) -> Running:
    """A job that has said 100,000 lines and goes on."""
    attempt = running.job.attempts.get()
    whole_log.store(attempt, [line(n) for n in range(1, COUNT + 1)])
    running.job.attempts.update(lines=[line(n) for n in range(COUNT - 199, COUNT + 1)])
    return running


def write(running: Running, n: int, **other: str) -> None:
    running.say("log", **line(n) | other)


def test_only_what_is_seen_is_in_the_document(page: Page, proxy: Proxy, long: Running) -> None:
    watch(page, f"{proxy.url}{long.path}")
    box = page.locator("#lines")
    last = page.locator(f"#line-{COUNT}")
    expect(last).to_be_in_viewport()
    write(long, COUNT + 1)
    expect(page.locator(f"#line-{COUNT + 1}")).to_be_in_viewport()
    assert box.locator("li").count() < MOST
    # Screen readers are told elsewhere
    expect(page.locator("[data-spoken]")).to_have_text(f"line {COUNT + 1}")
    assert box.evaluate("box => [...box.childNodes].every((node) => node.nodeType === 1)")
    # Away from the end, what comes moves nothing
    box.evaluate("box => { box.scrollTop = box.scrollHeight / 2; }")
    page.wait_for_function(f"() => ({SEEN})?.match(/^line (49|50)\\d{{3}} /)")
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    seen, until = page.evaluate(SEEN), box.get_attribute("data-until")
    write(long, COUNT + 2)
    expect(box).not_to_have_attribute("data-until", str(until))
    page.wait_for_timeout(200)
    assert page.evaluate(SEEN) == seen
    assert box.locator("li").count() < MOST
    box.evaluate("box => { box.scrollTop = 0; }")
    expect(page.locator("#line-1")).to_be_in_viewport()
    assert box.locator("li").count() < MOST
    page.get_by_role("button", name="Follow").click()
    expect(page.locator(f"#line-{COUNT + 2}")).to_be_in_viewport()


def test_a_link_leads_to_its_line(page: Page, proxy: Proxy, long: Running) -> None:
    page.goto(f"{proxy.url}{long.path}#line-31234")
    linked = page.locator("#line-31234")
    expect(linked).to_be_in_viewport()
    expect(linked).to_have_class("info linked")
    expect(linked).to_have_text("line 31234")
    page.locator("#line-31236 a").click()
    assert page.url.endswith("#line-31236")
    expect(page.locator("#line-31236")).to_have_class("info linked")


def test_what_is_found_in_all_of_it_leads_to_its_place(
    page: Page, proxy: Proxy, long: Running
) -> None:
    watch(page, f"{proxy.url}{long.path}")
    found = page.locator("#lines li")
    page.get_by_label("Warnings only").check()
    expect(found).to_have_text([f"line {n}" for n in range(20_000, COUNT + 1, 20_000)])
    write(long, COUNT + 1, level="warning")
    expect(found).to_have_count(6)
    page.get_by_label("Warnings only").uncheck()
    expect(page.locator("#lines .info").first).to_be_attached()
    page.get_by_label("Find in the log").fill("LINE 777")
    expect(page.locator("mark").first).to_have_text("line 777")
    expect(page.locator("#log-told")).to_have_text("111 lines")
    page.locator("#line-77712 a").click()
    expect(page.locator("#log-told")).to_have_text("")
    expect(page.locator("#line-77712")).to_be_in_viewport()
    expect(page.locator("#line-77713")).to_be_in_viewport()


def test_lines_wrap_or_not_and_are_copied(page: Page, proxy: Proxy, running: Running) -> None:
    running.say("log", **line(1) | {"text": "word " * 100})
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    watch(page, f"{proxy.url}{running.path}")
    one = page.locator("#lines li")
    expect(one).to_have_count(1)
    tall = one.evaluate("li => li.clientHeight")
    page.get_by_role("button", name="Wrap").click()
    assert one.evaluate("li => li.clientHeight") < tall
    page.get_by_role("button", name="Copy", exact=True).first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert "INFO    word word" in page.evaluate("navigator.clipboard.readText()")
    page.get_by_label("Find in the log").fill("nothing")
    expect(page.locator("#log-told")).to_have_text("No such line")


def test_lines_are_reached_by_keyboard(page: Page, proxy: Proxy, long: Running) -> None:
    watch(page, f"{proxy.url}{long.path}")
    stops = page.locator("#lines a[tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowDown"):
        page.keyboard.press(key)
    at = page.locator(f"#line-{COUNT - 1} a")
    expect(at).to_be_focused()
    expect(at).to_have_accessible_name(re.compile(rf"Line {COUNT - 1}, \d\d:\d\d:59\.999"))
    write(long, COUNT + 1)  # what comes takes neither the focus nor the place
    expect(page.locator("[data-spoken]")).to_have_text(f"line {COUNT + 1}")
    expect(at).to_be_focused()
    expect(stops).to_have_count(1)
    page.keyboard.press("Enter")
    assert page.url.endswith(f"#line-{COUNT - 1}")
    expect(page.locator(f"#line-{COUNT - 1}.linked a")).to_be_focused()
    for _ in range(30):  # further than what is seen
        page.keyboard.press("ArrowUp")
    expect(page.locator(f"#line-{COUNT - 31} a")).to_be_focused()
