"""Scripts of a page's own follow jobs: import { follow } from "headway/live.js"."""

import json

import pytest
from django.contrib.auth.models import User
from django.template import RequestContext, Template
from django.test import RequestFactory
from playwright.sync_api import BrowserContext, Page

from headway.models import Status
from tests.pages.live.conftest import OpenTab
from tests.pages.live.watching import Running, percent, while_waiting
from tests.support.pages import code
from tests.support.proxy import Proxy

pytestmark = pytest.mark.django_db(transaction=True)
FOLLOW = """async ([job, options]) => {
    const { follow } = await import('/static/headway/live.js');
    window.told = [];
    const value = (data) => data?.percent ?? data?.text ?? data?.status ?? '';
    const tell = (name) => (data) => window.told.push([name, value(data)]);
    const names = ['snapshot', 'progress', 'log', 'state', 'end'];
    const handlers = Object.fromEntries(names.map((name) => [name, tell(name)]));
    handlers.status = (state) => { window.state = state; };
    window.stop = follow(job, handlers, options);
}"""


def told(page: Page, *expected: tuple[str, object]) -> None:
    """Waits until the last things that were told are these."""
    page.wait_for_function(
        "(wanted) => JSON.stringify(window.told.slice(-wanted.length)) === JSON.stringify(wanted)",
        arg=[list(each) for each in expected],
    )


def test_beside_the_bars_of_a_page_it_shares_their_stream(
    open_tab: OpenTab, proxy: Proxy, running: Running
) -> None:
    tab = open_tab(running.path)
    tab.evaluate(FOLLOW, [str(running.job.pk), {}])
    told(tab, ("snapshot", 0))
    running.move(42)
    running.write("one")
    told(tab, ("progress", 42), ("log", "one"))
    percent(tab).to_have_text("42%")
    assert len(proxy.streams) == 1
    running.become(Status.SUCCEEDED)
    told(tab, ("state", 100), ("end", ""))
    percent(tab).to_have_text("100%")
    while_waiting(tab, lambda: not proxy.streams)


def test_a_page_without_our_tags_says_where_the_events_are(
    context: BrowserContext, proxy: Proxy, running: Running
) -> None:
    page = context.new_page()
    page.goto(f"{proxy.url}/static/headway/bar.css")
    with pytest.raises(Exception, match="needs to know where events are"):
        page.evaluate(FOLLOW, [str(running.job.pk), {}])
    page.evaluate(FOLLOW, [[str(running.job.pk)], {"events": "/jobs/events/"}])
    page.wait_for_function("() => window.state === 'live'")
    proxy.drop()  # comes back by itself
    running.move(7)
    page.wait_for_function("() => window.told.some(([, value]) => value === 7)")
    page.evaluate("window.stop()")
    while_waiting(page, lambda: not proxy.streams)
    assert json.loads(page.evaluate("JSON.stringify(window.told)"))[-1][1] == 7


def show(page: Page, url: str, html: str) -> None:
    """Opens a page of somebody's own beside ours."""
    page.route(url, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(url)


def test_the_page_of_the_docs_follows_a_job(
    context: BrowserContext, proxy: Proxy, running: Running, alice: User
) -> None:
    request = RequestFactory().get("/own/")
    request.user = alice
    block = code("docs/clients.md", "headway_head import_map").replace("JOB", str(running.job.pk))
    html = Template("<!doctype html><title></title>" + block).render(RequestContext(request))
    page = context.new_page()
    show(page, f"{proxy.url}/own/", html)
    running.move(42)
    page.wait_for_function("() => document.title === '42%'")


def test_the_script_of_the_docs_needs_no_django(
    context: BrowserContext, proxy: Proxy, running: Running, alice: User
) -> None:
    block = code("docs/clients.md", "follow(JOBS, handlers")
    block = block.replace("JOBS", f"['{running.job.pk}']").replace("USER_ID", str(alice.pk))
    handlers = "const handlers = { progress: ({ percent }) => { document.title = percent; } };"
    page = context.new_page()
    show(page, f"{proxy.url}/own/", f'<script type="module">{handlers}\n{block}</script>')
    running.move(42)
    page.wait_for_function("() => document.title === '42'")
