"""The fixtures themselves: real processes over one database."""

import httpx
import pytest
from playwright.sync_api import Page

from tests.conftest import Stack
from tests.support.processes import wait_until
from tests.support.proxy import Proxy
from tests.support.users import make_user, sign_in


def test_the_processes_of_the_stack_see_each_other(stack: Stack) -> None:
    # A busy machine may take a part for away that only takes its time.
    wait_until(lambda: httpx.get(f"{stack.web.url}/readyz").json()["status"] == "ok")


def test_a_browser_with_a_session_is_signed_in(stack: Stack, page: Page) -> None:
    sign_in(page.context, make_user("carol"), stack.web.url)
    page.goto(stack.web.url)
    assert page.url == f"{stack.web.url}/"


@pytest.mark.usefixtures("stack")
def test_the_proxy_forwards_answers_502_and_forwards_again(proxy: Proxy) -> None:
    assert httpx.get(f"{proxy.url}/healthz").status_code == 200
    proxy.mode = "502"
    assert httpx.get(f"{proxy.url}/healthz").status_code == 502
    proxy.mode = "reset"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{proxy.url}/healthz")
    proxy.mode = "pause"
    with pytest.raises(httpx.TimeoutException):
        httpx.get(f"{proxy.url}/healthz", timeout=0.3)
    proxy.mode = "pass"
    assert httpx.get(f"{proxy.url}/healthz").status_code == 200


def test_a_killed_web_process_comes_back_on_its_port(stack: Stack) -> None:
    url = stack.web.url
    stack.web.kill()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/healthz")
    stack.web.start()
    assert httpx.get(f"{url}/healthz").status_code == 200
