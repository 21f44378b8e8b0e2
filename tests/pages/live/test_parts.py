"""The parts of a job's page as tabs."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from headway.models import Attempt, Status
from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
TALLEST = 1400
"""Pixels above the log, at most."""


def shown(page: Page) -> list[str]:
    """Ids of the parts that are seen."""
    found: list[str] = page.locator(".pane:visible").evaluate_all("all => all.map(({ id }) => id)")
    return found


def tabs(page: Page) -> list[str]:
    return page.locator("[role=tab]").all_text_contents()


def test_one_part_is_shown_and_keys_and_the_address_choose_it(
    page: Page, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    assert shown(page) == ["log"]
    assert tabs(page) == ["Log", "Warnings", "Output", "Input", "Result", "Attempts"]
    expect(page.get_by_role("tab", name="Warnings")).to_be_hidden()
    log = page.get_by_role("tab", name="Log")
    expect(log).to_have_attribute("aria-selected", "true")
    log.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Input")).to_be_focused()
    assert shown(page) == ["input"]
    assert page.url.endswith("#input")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Attempts")).to_be_focused()
    page.keyboard.press("Home")
    assert shown(page) == ["log"]
    page.goto(f"{proxy.url}{running.path}#attempts")
    page.reload()
    expect(page.get_by_role("tabpanel", name="Attempts")).to_be_visible()
    assert shown(page) == ["attempts"]


def test_a_part_that_was_chosen_stays_and_another_gives_way_to_the_result(
    page: Page, context: BrowserContext, proxy: Proxy, running: Running
) -> None:
    watch(page, f"{proxy.url}{running.path}")
    other = context.new_page()
    watch(other, f"{proxy.url}{running.path}")
    page.get_by_role("tab", name="Input").click()
    running.become(Status.SUCCEEDED, result={"rows": 5})
    expect(page.locator(".badge").first).to_have_text("Succeeded")
    expect(page.get_by_role("tab", name="Result")).to_be_visible()
    assert shown(page) == ["input"]
    expect(other.get_by_role("tabpanel", name="Result")).to_be_visible()
    assert shown(other) == ["result"]
    page.get_by_role("tab", name="Result").click()
    expect(page.locator("#result dd")).to_have_text("5")


def test_output_has_a_tab_when_there_is_some(page: Page, proxy: Proxy, running: Running) -> None:
    watch(page, f"{proxy.url}{running.path}")
    running.say("output", text="Once upon")
    expect(page.get_by_role("tabpanel", name="Output")).to_have_text(re.compile("Once upon"))
    assert shown(page) == ["output"]


def test_nothing_above_the_log_is_tall(
    page: Page, proxy: Proxy, running: Running, make_job: MakeJob
) -> None:
    """With 5,000 warnings, 40 phases, a megabyte of output, and texts as long as they may be."""
    said = "word " * 100
    Attempt.objects.filter(job=running.job).update(
        warnings=[{"item": said, "reason": f"{chr(65 + n % 26) * 20} {said}"} for n in range(100)],
        phases=[{"name": f"Phase {n}", "started": n, "ended": n + 1.0} for n in range(40)],
        samples=[[n, n, n] for n in range(100)],
    )
    running.say("output", text="x" * 1_000_000)
    long = {"reason": said[:500], "title": said[:200], "warning_count": 5000}
    running.become(Status.FAILED, attempt=1, params={"text": said * 20}, **long)
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{proxy.url}{running.path}#log")
        expect(page.get_by_role("tabpanel", name="Log")).to_be_visible()
        top = page.locator("#log").evaluate("el => el.getBoundingClientRect().top + scrollY")
        assert top < TALLEST
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        beside = page.locator(".panel").evaluate("el => el.getBoundingClientRect().right")
        left = page.locator("#log").evaluate("el => el.getBoundingClientRect().left")
        assert (left > beside) == (width == 1280)


def test_without_scripts_all_parts_are_seen(
    browser: Browser, context: BrowserContext, proxy: Proxy, running: Running
) -> None:
    running.write("a line")
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    page = plain.new_page()
    page.goto(f"{proxy.url}{running.path}")
    assert shown(page) == ["log", "input", "attempts"]
    page.get_by_label("Find in the log").fill("nothing")
    page.get_by_role("button", name="Find").click()
    assert "find=nothing" in page.url
    plain.close()
