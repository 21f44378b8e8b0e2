"""Alice's tabs before a web process that shows life every second, behind a proxy."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.pages.conftest import MakeJob
from tests.pages.live.watching import Running, watch
from tests.support.proxy import Proxy
from tests.support.servers import Serve
from tests.support.stack import Web
from tests.support.users import sign_in

OpenTab = Callable[[str], Page]


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """A web process whose streams show life, and look who may read, every second."""
    return serve(Web, STREAM_KEEPALIVE="1", STREAM_RECHECK="1")


@pytest.fixture
def context(context: BrowserContext, alice: User, proxy: Proxy) -> Iterator[BrowserContext]:
    """Alice's browser. Nothing in it may throw or break the policy."""
    problems: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Uncaught" in message.text:
            problems.append(message.text)

    context.on("console", listen)
    context.on("weberror", lambda error: problems.append(str(error.error)))
    sign_in(context, alice, proxy.url)
    yield context
    assert problems == []


@pytest.fixture
def running(make_job: MakeJob) -> Running:
    """A running job at 0 %."""
    return Running(make_job(percent=0, current=0))


@pytest.fixture
def open_tab(context: BrowserContext, proxy: Proxy) -> OpenTab:
    """Opens another tab at a path and waits until it is live."""

    def open_one(path: str) -> Page:
        tab = context.new_page()
        watch(tab, f"{proxy.url}{path}")
        return tab

    return open_one
