"""Somebody else's project takes the app in, by the lines of docs/installing.md; in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.install.project import Project, documented
from tests.support.distribution import built
from tests.support.pages import code
from tests.support.redis_server import RedisServer

MAX_LINES, MAX_FILES = 24, 6
PASSWORD = "a long one"
MAKE_ADMIN = f"""
from accounts.models import User
User.objects.create_user("ann@shop.example", "{PASSWORD}", is_staff=True, is_superuser=True)
"""
JOB = re.compile(r"/ops/jobs/([0-9a-f-]{36})/$")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project with its worker and janitor, and the app in it."""
    redis = RedisServer()
    redis.start()
    project = Project(tmp_path_factory.mktemp("install"), redis.url, built(tmp_path_factory).wheel)
    project.make()
    project.install(documented())
    project.manage("migrate", "-v", "0")
    project.manage("shell", "-v", "0", "-c", MAKE_ADMIN)
    worker = project.process(
        "worker", "-m", "celery", "-A", "shop", "worker", "-c", "2", "-l", "INFO"
    )
    janitor = project.process("janitor", "manage.py", "janitor")
    for process in (worker, janitor):
        process.start()
    worker.wait_for(lambda: " ready." in worker.output)
    yield project
    for process in (worker, janitor):
        process.kill()
    redis.close()


@pytest.fixture
def ann(browser: Browser, shop: Project) -> Iterator[BrowserContext]:
    """The browser of a member of staff; nothing in it may throw."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 900, "height": 460})
    context.on("weberror", lambda error: problems.append(str(error.error)))
    yield context
    context.close()
    assert problems == []


def test_the_page_says_few_lines_in_few_files() -> None:
    lines = documented()
    assert len(lines) <= MAX_FILES
    assert sum(bool(line.strip()) for text in lines.values() for line in text.splitlines()) <= (
        MAX_LINES
    )


def start(page: Page, shop: Project, pages: int) -> str:
    """Starts a job from the app's page and returns its id."""
    page.goto(f"{shop.url}/ops/jobs/")
    page.get_by_role("link", name="Rebuild the index").first.click()
    page.get_by_label("Pages").fill(str(pages))
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(JOB)
    found = JOB.search(page.url)
    assert found
    return found[1]


@pytest.fixture
def web(shop: Project, request: pytest.FixtureRequest) -> Iterator[None]:
    """A web server of the shop."""
    process = shop.web(request.param)
    process.start()
    process.wait_for(lambda: f":{shop.port}" in process.output)
    yield
    process.kill()


@pytest.mark.parametrize("web", ["daphne"], indirect=True)
def test_it_is_live_in_a_project_of_somebody_else(
    shop: Project, ann: BrowserContext, web: None, tmp_path: Path
) -> None:
    look(shop, ann.new_page(), tmp_path / "report.png")


@pytest.fixture
def one_line_for_asgi(shop: Project) -> None:
    """What docs/installing.md has for asgi.py."""
    django = "from django.core.asgi import get_asgi_application\n"
    shop.replace("shop/asgi.py", django, documented(1)["asgi.py"])


@pytest.mark.parametrize("web", ["uvicorn"], indirect=True)
def test_it_leaves_the_htmx_of_a_project_alone(
    shop: Project, ann: BrowserContext, one_line_for_asgi: None, web: None
) -> None:
    page = ann.new_page()
    enter(page, shop)
    job = start(page, shop, 200)
    page.goto(f"{shop.url}/own/{job}/")
    percent = page.locator("job-bar [data-field=percent]")
    rendered = percent.inner_text()
    expect(percent).not_to_have_text(rendered)
    assert page.evaluate("document.querySelectorAll('script[src*=htmx]').length") == 1
    assert page.evaluate("htmx.config.allowEval") is True
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "login" in each.url else None)
    page.get_by_role("button", name="Look").click()
    expect(page.locator("#there").get_by_label("Email")).to_be_visible()
    assert len(asked) == 1


@pytest.mark.parametrize("web", ["gunicorn"], indirect=True)
def test_a_task_of_celery_progresss_tutorial_has_a_live_bar(
    shop: Project, ann: BrowserContext, web: None
) -> None:
    """Under WSGI, as the tutorial is served; one import has changed."""
    page = ann.new_page()
    enter(page, shop)
    page.goto(f"{shop.url}/progress/")
    bar = page.locator("p [data-job]")
    expect(bar.locator("[data-field=percent]")).to_have_text(re.compile(r"^[1-9]\d?%"))
    expect(bar).to_have_attribute("data-status", "succeeded")
    assert page.title() == "Shop"


def enter(page: Page, shop: Project) -> None:
    """Signs in on the way to the app's first page."""
    page.goto(f"{shop.url}/ops/jobs/")
    page.get_by_label("Email").fill("ann@shop.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="My jobs")).to_be_visible()


def look(shop: Project, page: Page, picture: Path) -> None:
    """From signing in to signing out."""
    enter(page, shop)
    expect(page.get_by_text("The shop of ann@shop.example")).to_be_visible()
    first = start(page, shop, 200)
    page.goto(f"{shop.url}/report/{first}/")
    tray = page.locator(".jobs-tray")
    everywhere = page.locator(f'[data-job="{first}"]')
    expect(everywhere).to_have_count(3)  # in a paragraph, in a table, in the tray
    for bar in everywhere.all():
        rendered = bar.locator("[data-field=percent]").inner_text()
        expect(bar.locator("[data-field=percent]")).not_to_have_text(rendered)
        expect(bar.locator("[data-field=message]")).to_have_text("Reading pages")
    assert page.title() == "Shop"
    page.add_style_tag(content=code("docs/installing.md", "--headway-running:"))
    expect(everywhere.first.locator(".bar")).to_have_css("height", "12px")
    expect(tray).to_have_css("background-color", "rgb(255, 250, 240)")
    other = page.context.new_page()
    second = start(other, shop, 3000)
    expect(tray.locator(f'[data-job="{second}"]')).to_be_visible()  # by itself
    page.screenshot(path=picture)
    page.reload()
    for job in (first, second):
        expect(tray.locator(f'[data-job="{job}"]')).to_be_visible()
    other.get_by_role("button", name="Cancel").click()
    expect(other.locator("section.panel")).to_have_attribute("data-status", "cancelled")
    expect(tray.locator(f'[data-job="{second}"]')).to_have_count(0)
    expect(everywhere.first).to_have_attribute("data-status", "succeeded")
    other.goto(f"{shop.url}/admin/headway/job/")
    for status in ("Cancelled", "Succeeded"):
        expect(other.locator("#result_list").get_by_text(status).first).to_be_visible()
    third = start(other, shop, 3000)
    page.goto(f"{shop.url}/ops/jobs/{third}/")
    expect(page.locator("[data-chip]")).to_have_text("Live")
    other.goto(f"{shop.url}/report/{third}/")
    other.request.post(f"{shop.url}/accounts/logout/", headers=tokens(other))
    expect(page.locator("[data-chip]")).to_have_text("Sign in to keep watching")
    link = page.locator("[data-chip] a")
    expect(link).to_have_attribute("href", re.compile("^/accounts/login/"))


def tokens(page: Page) -> dict[str, str]:
    """What Django wants with a POST."""
    [token] = [each["value"] for each in page.context.cookies() if each["name"] == "csrftoken"]
    return {"X-CSRFToken": token, "Referer": page.url}
