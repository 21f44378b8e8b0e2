"""axe-core finds nothing on any page, in any state, light and dark; fields have borders; and on a
phone nothing is wider than the window, or too small to press."""

import mimetypes
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import connections
from django.template import engines
from django.test import Client, RequestFactory
from playwright.sync_api import Browser, Page, Route, ViewportSize
from pytest_django.fixtures import Settings

from headway.models import Job
from headway.web import sign_in as links
from headway.web.views.errors import forbidden, server_error
from jobs.demo import scenes, stage
from jobs.demo.rows import identity
from tests.support.layout import FAULTS
from tests.support.patience import PATIENCE

SITE = "http://testserver"
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
OPTIONS = {"resultTypes": ["violations"], "iframes": False, "preload": False}
COLOURS = {**OPTIONS, "runOnly": ["color-contrast"]}
RUN = """([options, within]) => axe.run(within ?? document, options).then(({ violations }) =>
  violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`))"""
FAINT = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (c) => { const [r, g, b] = rgb(c).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = (el) => { const c = getComputedStyle(el).backgroundColor;
    return rgb(c)[3] === 0 ? ground(el.parentElement) : c; };
  const fields = [...document.querySelectorAll(
    '.headway :is(input:not([type=hidden], [type=checkbox]), select, textarea)')];
  return fields.filter((el) => el.checkVisibility()).filter((el) => {
    const [a, b] = [getComputedStyle(el).borderColor, ground(el.parentElement)].map(light);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 3;
  }).map((el) => el.outerHTML);
}"""
"""Fields whose border has less than 3:1 against what is around them (WCAG 1.4.11)."""
EMBED = """{% load headway %}<!doctype html><html lang="en"><head><title>Shop</title>
<style>:root { color-scheme: light dark; background: light-dark(#fff, #121212);
color: light-dark(#000, #fff); }</style>{% headway_head %}</head>
<body><main><h1>Shop</h1>{% job_bar job %}</main>{% jobs_tray %}</body></html>"""
DESK = ViewportSize(width=1280, height=900)
PHONES = (390, 320)
SCENES = (
    *("queued", "again", "running", "phases", "no-total", "stalled"),
    *("failed", "lost", "cancelled", "warned", "retried", "table", "rtl"),
)


class Visit:
    """A browser in which pages are looked at one after the other, each in both colour schemes. This
    process answers it: no server has to be started for pages that nobody moves."""

    def __init__(self, page: Page) -> None:
        self.page, self.client = page, Client(raise_request_exception=False)
        self.found: dict[str, list[str]] = {}
        self.shown: dict[str, str] = {}
        self.scripts = False
        page.context.route("**/*", self._answer)

    def go(self, path: str, within: str | None = None) -> None:
        self.page.goto(SITE + path)
        self.look(path, within)

    def show(self, name: str, html: str) -> None:
        """A page that is not asked for."""
        self.shown[f"/{name}/"] = html
        self.go(f"/{name}/")

    def look(self, name: str, within: str | None = None) -> None:
        self.page.evaluate(AXE)
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            options = OPTIONS if scheme == "light" else COLOURS
            wrong = self.page.evaluate(RUN, [options, within])
            faint = [] if within else self.page.evaluate(FAINT)
            if wrong or faint:
                self.found[f"{name} {scheme}"] = [*wrong, *faint]
        for width in PHONES:
            self.page.set_viewport_size({"width": width, "height": DESK["height"]})
            if wrong := self.page.evaluate(FAULTS):
                self.found[f"{name} {width}"] = wrong
        self.page.set_viewport_size(DESK)

    def _answer(self, route: Route) -> None:
        request, url = route.request, urlsplit(route.request.url)
        if url.path.startswith("/static/"):
            found = finders.find(url.path.removeprefix("/static/"))
            if found is None or (url.path.endswith(".js") and not self.scripts):
                return route.abort()
            kind = mimetypes.guess_type(found)[0]
            return route.fulfill(body=Path(found).read_bytes(), content_type=kind)
        if "/events/" in url.path:
            return route.abort()
        if url.path in self.shown:
            return route.fulfill(body=self.shown[url.path], content_type="text/html")
        kind = request.headers.get("content-type", "")
        sent: Any = request.post_data_buffer or b""
        path = f"{url.path}?{url.query}"
        with ThreadPoolExecutor(1) as thread:  # in this one runs the event loop of Playwright
            said = thread.submit(self._ask, request.method, path, sent, kind).result()
        return route.fulfill(status=said.status_code, headers=dict(said.items()), body=said.content)

    def _ask(self, *what: Any) -> Any:
        try:
            return self.client.generic(*what, follow=True)
        finally:
            connections.close_all()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Nobody is signed in yet."""
    context = browser.new_context(viewport=DESK, bypass_csp=True)
    context.set_default_timeout(PATIENCE * 1000)
    yield Visit(context.new_page())
    context.close()


@pytest.mark.django_db(transaction=True)
def test_axe_finds_nothing(visit: Visit, settings: Settings, boss: User, bob: User) -> None:
    page = visit.page
    visit.go("/sign-in/")
    page.locator("[name=username]").fill("boss")
    page.locator("[name=password]").fill("wrong")
    page.locator("button.primary").click()
    page.locator(".note-error").wait_for()
    visit.look("sign-in refused")
    visit.go(links.link_path(bob))
    request = RequestFactory().get("/")
    visit.show("403", forbidden(request, Exception()).content.decode())
    visit.show("500", server_error(request).content.decode())

    visit.client.force_login(bob)
    visit.go("/")
    visit.go("/?status=failed")

    visit.client.force_login(boss)
    call_command("demo", "--force", stdout=StringIO())
    try:
        _with_jobs(visit, settings)
    finally:
        stage.remove()
    assert visit.found == {}


def _with_jobs(visit: Visit, settings: Settings) -> None:
    page = visit.page
    visit.scripts = True
    visit.go("/")
    for menu in ("#start-summary", "#own-summary", "#days-summary"):
        page.locator(menu).click()
    visit.look("menus")
    for box in page.locator("[name=job]").all()[:2]:
        box.check()
    visit.look("ticked")
    page.keyboard.press("?")
    page.locator("dialog").wait_for()
    visit.look("shortcuts")
    page.keyboard.press("Escape")
    visit.scripts = False
    page.locator("[value=delete]").click()
    page.locator(".panel.narrow").wait_for()
    visit.look("many")
    for path in ("/?person=*&sort=longest&kind=import-csv", "/?text=nobody", "/nowhere/", "/me/"):
        visit.go(path)
    for kind in ("simulate", "import-csv", "ask-model"):
        visit.go(f"/jobs/start/{kind}/")
    page.goto(f"{SITE}/jobs/start/simulate/")
    page.get_by_label("Steps").fill("1")
    page.get_by_label("Phases").fill("9")
    page.locator(".form .primary").click()
    page.locator("[aria-invalid]").first.wait_for()
    visit.look("form refused")
    known = {each.name: identity(each) for each in scenes.all_states()}
    for name in SCENES:
        after = 1 if name == "stalled" else 120
        settings.HEADWAY = {**settings.HEADWAY, "JOB_STALLED_AFTER": after}
        visit.go(f"/jobs/{known[name]}/")
    page.locator("summary").first.click()
    visit.look("open")
    visit.go(f"/jobs/{known['retried']}/?attempt=1")
    visit.go(f"/jobs/{known['cancelled']}/trail/")
    visit.go("/admin/headway/job/doctor/", "#content")
    job = Job.objects.get(pk=known["running"])
    embed = engines["django"].from_string(EMBED)
    visit.show("shop", embed.render({"job": job, "user": job.owner}))
