"""`python -m tests.clicks.million [JOBS] [plain]`: a click-through of the list, a job, a kind, the
system and the admin where one person has a million jobs; then a short one without JavaScript, or
with `plain` that one alone. Prints for each deed the milliseconds of the slowest answer, and those
that the server's processor worked, which other load does not change; fails where a page shows what
it should not."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import django
from playwright.sync_api import Locator, Page, Response, expect, sync_playwright

from tests.support import environment as environment  # a data directory of its own

django.setup()

from django.contrib.auth.models import User  # noqa: E402 - models need the settings
from django.core.management import call_command  # noqa: E402

from benchmarks.questions import fill  # noqa: E402
from headway.models import Job, Status  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.pages.live.watching import Running  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.stack import Valkey, Web, Worker  # noqa: E402
from tests.support.users import sign_in  # noqa: E402

JOBS, DAYS = 1_000_000, 730
IDS = "all => all.map((each) => each.id)"


class Visit:
    """A person who clicks, and what the server took for each answer meanwhile."""

    def __init__(self, page: Page, web: Web) -> None:
        self.page, self.url, self.web = page, web.url, web
        self._doing, self._answers = "", list[Response]()
        page.on("response", self._note)

    def _note(self, response: Response) -> None:
        if response.request.resource_type in ("document", "xhr", "fetch"):
            self._answers.append(response)

    def does(self, what: str, deed: Callable[[], object]) -> None:
        """Does something, waits for the page, and prints what it took."""
        self._answers.clear()
        worked = _worked(self.web.pid)
        deed()
        self.page.wait_for_load_state()
        slowest = max(map(_server_time, self._answers), default=0.0)
        worked = _worked(self.web.pid) - worked
        sys.stdout.write(f"| {what} | {slowest:.0f} | {worked} |\n")
        sys.stdout.flush()

    def follows(self, what: str, link: Locator) -> None:
        """Clicks."""
        self.does(what, link.click)

    def opens(self, what: str, path: str) -> None:
        """Opens a page by its address."""
        self.does(what, lambda: self.page.goto(self.url + path))


def _server_time(response: Response) -> float:
    """Milliseconds from the request's last byte to the answer's first, on the loopback."""
    timing = response.request.timing
    return max(0.0, timing["responseStart"] - timing["requestStart"])


def _worked(pid: int) -> int:
    """Milliseconds that a process has had a processor."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(values[11]) + int(values[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def _pages(visit: Visit) -> None:
    """Forward, back, and to the first: each row once, and the same on the way back."""
    page = visit.page
    pager = page.locator("#pager")
    visit.opens("the list, again", "/")
    seen: list[list[str]] = []
    for number in range(2, 6):
        seen.append(page.locator(".row.line").evaluate_all(IDS))
        visit.follows(f"page {number}", pager.get_by_role("link", name="Older"))
    rows = [each for rows in seen for each in rows]
    assert len(rows) == len(set(rows)) >= 80, "a row was seen twice"
    visit.does("back to page 4", page.go_back)
    assert page.locator(".row.line").evaluate_all(IDS) == seen[-1]
    visit.follows("the newest", pager.get_by_role("link", name="Newest"))


def _live(visit: Visit) -> None:
    """A job fails while *Failed* is watched, and comes to it."""
    page = visit.page
    owner = User.objects.get(username="bench")
    running = Running(
        Job.objects.create(
            kind="simulate", title="Fails", owner=owner, status=Status.RUNNING, attempt=1
        )
    )
    visit.opens("failed", "/?status=failed")
    page.locator("[data-chip=live]").wait_for()

    def fail() -> None:
        running.become(Status.FAILED, reason="It failed while it was watched.")
        page.locator(f"#row-{running.job.pk}").wait_for()

    visit.does("a job that fails comes to it", fail)


def of_the_list(visit: Visit) -> None:
    """Filters, orders, pages, a saved question, causes."""
    page = visit.page
    statuses, pager = page.locator("#statuses"), page.locator("#pager")
    visit.opens("the list, first", "/")
    visit.opens("the list, again", "/")
    expect(page.locator("#days a")).to_have_count(30)
    for name in ("Active", "Succeeded", "Ended badly", "Failed", "Lost", "Cancelled"):
        visit.follows(name, statuses.get_by_role("link", name=name))
    visit.follows("all", statuses.get_by_role("link", name="All"))
    for status in ("stalled", "timed-out"):
        visit.opens(status, f"/?status={status}")
    _pages(visit)
    visit.opens("the slowest to start", "/?sort=slowest")
    visit.opens("the list, again", "/")
    visit.follows("a day of the chart", page.locator("#days a").nth(10))
    visit.opens("the list, again", "/")
    show = page.get_by_role("button", name="Search", exact=True)
    page.locator("#more-filters-summary").click()
    page.locator("[name=kind]").select_option("simulate")
    visit.follows("a kind", show)
    page.locator("[name=person]").fill("bench")
    visit.follows("and a person", show)
    page.locator("[name=sort]").select_option("longest")
    visit.follows("the longest of them", show)
    visit.follows("its second page", pager.get_by_role("link", name="Next"))
    for text in ("order 4711", "The disk is full", "nowhere to be found", "%_'\""):
        visit.opens("the list, again", "/")
        page.locator("[name=text]").fill(text)
        visit.follows(f"text: {text}", show)
    visit.opens("failed, of a text", "/?status=failed&text=disk")
    page.locator("#save-summary").click()
    page.locator("#save-question [name=name]").fill("Full disks")
    visit.follows("save this question", page.get_by_role("button", name="Save search"))
    visit.follows("open it", page.get_by_role("link", name="Full disks", exact=True))
    _live(visit)
    visit.follows("by cause", page.get_by_role("link", name="By cause"))
    visit.follows("one cause", page.locator("#causes h2 a").first)
    visit.opens("the list of everybody", "/?person=*")


def _three(visit: Visit) -> None:
    """Asked first, then done by a job of its own, which the page follows."""
    page = visit.page
    visit.opens("queued ones", "/?status=active")
    for number in range(3):
        page.locator(".tick input").nth(number).click()
    verb = page.locator("#many").get_by_role("button", name="Cancel")
    visit.follows("cancel three, asked", verb)
    visit.follows("cancel three", page.get_by_role("button", name="Cancel 3"))
    page.locator("[data-status=succeeded] .badge").first.wait_for()


def of_many(visit: Visit) -> None:
    """Ticks, and all that match."""
    page = visit.page
    _three(visit)
    visit.opens("lost ones", "/?status=lost")
    page.locator(".tick input").first.click()
    page.get_by_label("All that match").click()
    verb = page.locator("#many").get_by_role("button", name="Delete")
    visit.follows("delete all that match, asked", verb)


def of_the_rest(visit: Visit) -> None:
    """A job, a kind, the system, the admin."""
    page = visit.page
    visit.opens("the list, again", "/")
    visit.follows("a job", page.locator(".row.line h3 a").first)
    visit.follows("its kind", page.locator(".crumb a").last)
    visit.opens("the system", "/jobs/system/")
    visit.opens("the admin's list", "/admin/headway/job/")
    filters = page.locator("#changelist-filter")
    for name in ("Ended badly", "Yesterday", "Simulate"):
        visit.follows(f"the admin: {name}", filters.get_by_role("link", name=name, exact=True))
    visit.opens("the admin: page 3", "/admin/headway/job/?p=3")
    visit.opens("the admin: a text", "/admin/headway/job/?q=order+4711")
    visit.opens("the admin: a person", "/admin/headway/job/?owner=bench")
    visit.opens("the admin: a job", f"/admin/headway/job/{newest().pk}/change/")
    visit.opens("the admin: users", "/admin/auth/user/")


def without_scripts(visit: Visit) -> None:
    """The list, its questions and pages, a job, and a verb on three."""
    page = visit.page
    show = page.get_by_role("button", name="Search", exact=True)
    visit.opens("the list, first", "/")
    for name in ("Active", "Ended badly", "All"):
        visit.follows(name, page.locator("#statuses").get_by_role("link", name=name))
    _pages(visit)
    page.locator("#more-filters-summary").click()
    page.locator("[name=kind]").select_option("simulate")
    page.locator("[name=sort]").select_option("slowest")
    visit.follows("a kind, the slowest to start", show)
    visit.follows("its second page", page.locator("#pager").get_by_role("link", name="Next"))
    visit.opens("the list, again", "/")
    visit.follows("a day of the chart", page.locator("#days a").nth(10))
    for text in ("order 4711", "nowhere to be found"):
        visit.opens("the list, again", "/")
        page.locator("[name=text]").fill(text)
        visit.follows(f"text: {text}", show)
    visit.opens("the list, again", "/")
    visit.follows("a job", page.locator(".row.line h3 a").first)
    _three(visit)


def newest() -> Job:
    """Of all jobs."""
    found: Job = Job.objects.order_by("-created_at")[0]
    return found


@contextmanager
def installation(count: int) -> Iterator[Web]:
    """A site with so many jobs of one person. There is no janitor, who would find those that run
    lost: nobody works on them."""
    call_command("migrate", verbosity=0)
    if not User.objects.filter(username="bench").exists():  # filling takes some minutes
        fill(User.objects.create_superuser("bench", password=None), count, DAYS)
    valkey, web = Valkey(), Web()
    processes = [valkey, web, Worker()]
    try:
        for process in processes:
            process.start()
        yield web
    finally:
        for process in reversed(processes):
            process.kill()


def main() -> None:
    """All of it, on the database of DATABASE_URL_OF_TESTS or SQLite."""
    plain = "plain" in sys.argv[1:]
    count = next((int(each) for each in sys.argv[1:] if each.isdecimal()), JOBS)
    with installation(count) as web, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS)
        bench = User.objects.get(username="bench")
        for scripts in (False,) if plain else (True, False):
            context = browser.new_context(java_script_enabled=scripts)
            context.set_default_timeout(PATIENCE * 1000)
            sign_in(context, bench, web.url)
            visit = Visit(context.new_page(), web)
            for part in (of_the_list, of_many, of_the_rest) if scripts else (without_scripts,):
                part(visit)
        browser.close()


if __name__ == "__main__":
    main()
