"""The main job, as a person does it: start, watch, reload, lose the network, lose the web process,
see the bar go on where the job really is, and find the finished job in the admin."""

import json
import re
import time
from collections import defaultdict

from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from headway.models import Job, Status
from headway.stream import keys
from jobs.tasks import simulate
from tests.conftest import Stack
from tests.support.proxy import Proxy
from tests.support.stack import Valkey
from tests.support.users import sign_in

REPORT_EVERY_BAR = """
  new MutationObserver(() => {
    for (const bar of document.querySelectorAll('[role=progressbar]')) {
      const shown = bar.getAttribute('aria-valuenow');
      if (shown !== null) window.report(shown, performance.timeOrigin);
    }
  }).observe(document, { subtree: true, childList: true, attributes: true });
"""


def reported(valkey: Valkey, job: Job) -> list[float]:
    """Every percent in the job's log, in order."""
    with valkey.client() as client:
        frames = [fields[b"f"].decode() for _, fields in client.xrange(keys.log(str(job.pk)))]
    data = [json.loads(frame.split("data: ", 1)[1]) for frame in frames]
    return [entry["percent"] for entry in data if entry.get("percent") is not None]


def wait_for_percent(page: Page, percent: float) -> float:
    """Waits until the bar shows at least `percent`; what it then shows."""
    page.wait_for_function(
        "least => Number(document.querySelector('[role=progressbar]')"
        "?.getAttribute('aria-valuenow')) >= least",
        arg=percent,
    )
    return float(page.get_by_role("progressbar").get_attribute("aria-valuenow") or 0)


def start_a_job(page: Page, url: str, seconds: int) -> Job:
    """From the first page, by the form of its kind."""
    page.goto(f"{url}/")
    page.get_by_role("link", name="Simulate").first.click()
    page.get_by_label("Seconds").fill(str(seconds))
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(f"{url}/jobs/*/")
    return Job.objects.get()


def test_the_main_job_from_start_to_history(
    stack: Stack, proxy: Proxy, page: Page, boss: User
) -> None:
    # By load: the old page moves on while the server renders the new one.
    loads: dict[float, list[float]] = defaultdict(list)
    page.expose_function("report", lambda value, load: loads[load].append(float(value)))
    page.add_init_script(REPORT_EVERY_BAR)
    sign_in(page.context, boss, proxy.url)
    job = start_a_job(page, proxy.url, seconds=20)

    wait_for_percent(page, 5)
    page.reload()
    before = wait_for_percent(page, 15)

    # The network goes for a while; what the job did meanwhile arrives at once afterwards.
    proxy.mode = "reset"
    proxy.drop(reset=True)
    expect(page.locator("[data-chip]")).to_contain_text("Reconnecting")
    proxy.mode = "pass"
    after = wait_for_percent(page, before + 1)
    assert after > before

    # The web process is killed; a proxy answers 502, on which EventSource gives up for good.
    proxy.mode = "502"
    stack.web.kill()
    expect(page.locator("[data-chip]")).not_to_have_text("Live")
    stack.web.start()
    proxy.mode = "pass"
    wait_for_percent(page, after + 1)
    chip = page.locator("[data-chip]")
    expect(chip).to_have_attribute("data-chip", re.compile("live|done"))

    expect(page.locator("[data-field=percent]")).to_have_text("100%")
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED
    assert job.attempt == 1

    allowed = [0.0, *reported(stack.valkey, job)]
    for shown in loads.values():
        assert shown == sorted(shown), "the bar went back"
        assert set(shown) <= set(allowed), "the bar showed what the job never reported"
    assert shown[-1] == 100
    *before_success, full, state = allowed
    assert max(before_success) < full == state == 100, "100 before success"

    page.goto(f"{proxy.url}/admin/headway/job/")
    row = page.get_by_role("row").filter(has_text="Simulate")
    expect(row).to_contain_text("Succeeded")
    expect(row).to_contain_text("100%")


def test_a_job_is_cancelled_and_retried_from_its_page(
    stack: Stack, page: Page, alice: User
) -> None:
    sign_in(page.context, alice, stack.web.url)
    job = start_a_job(page, stack.web.url, seconds=600)
    page.wait_for_selector("[role=progressbar][aria-valuenow]")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-job]")).to_have_attribute("data-status", "cancelled")
    begun = time.monotonic()
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("[data-job]")).to_have_attribute("data-status", "running")
    assert time.monotonic() - begun < 15
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("[data-job]")).to_have_attribute("data-status", "cancelled")
    job.refresh_from_db()
    assert job.attempt == 2


def test_all_my_jobs_move_over_one_stream(stack: Stack, page: Page, alice: User) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    sign_in(page.context, alice, stack.web.url)
    page.goto(stack.web.url)
    for _ in range(3):
        simulate.apply_async(kwargs={"seconds": 4}, owner=alice)
    rows = page.locator("[data-job]")
    expect(rows).to_have_count(3)
    for index in range(3):
        expect(rows.nth(index)).to_have_attribute("data-status", "succeeded")
    # One at a time: it is opened again, with its cursor, to hear more often while something moves
    streams = [url for url in requests if "/events/" in url]
    assert len(streams) <= 3
    assert all("cursor=" in url for url in streams[1:])


def test_the_page_of_ones_account_works_by_keyboard_on_a_telephone(
    stack: Stack, browser: Browser, alice: User
) -> None:
    context = browser.new_context(
        timezone_id="Asia/Tokyo", viewport={"width": 390, "height": 800}, color_scheme="dark"
    )
    sign_in(context, alice, stack.web.url)
    page = context.new_page()
    page.goto(f"{stack.web.url}/")
    page.get_by_role("link", name="your account").press("Enter")
    expect(page.get_by_role("combobox", name="Time zone")).to_have_value("Asia/Tokyo")
    page.get_by_label("Name").fill("laptop")
    page.keyboard.press("Enter")
    expect(page.locator("[data-token]")).to_have_text(re.compile(r"^pt_\d+_[0-9a-f]{48}$"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Revoke the token laptop").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("The token laptop is revoked.")
    page.get_by_role("button", name="Change the password").press("Enter")
    expect(page.get_by_label("Old password")).to_be_focused()
    page.get_by_role("button", name="Use this time zone").press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Times are shown in Asia/Tokyo.")
    expect(page.get_by_text("(JST)")).to_be_visible()
    context.close()
