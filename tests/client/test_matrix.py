"""Every client, on every server, through every fault, has the whole list (docs/clients.md)."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext

from headway.lifecycle import announce, lease
from headway.lifecycle.log import log
from headway.lifecycle.traces import Traces
from headway.models import Job, Status
from headway.stream import Event
from headway.web import tokens
from tests.client import readers
from tests.client.readers import InThread, Reader, Target
from tests.stream.conftest import written
from tests.support import npm
from tests.support.processes import wait_until
from tests.support.proxy import Mode, Proxy
from tests.support.servers import Hypercorn, Uvicorn
from tests.support.stack import Valkey, Web
from tests.support.users import sign_in

PACKAGES = ["eventsource@3.0.7", "htmx-ext-sse@2.2.4"]
FUNCTIONS = [
    readers.by_watch,
    readers.by_awatch,
    readers.by_httpx_sse,
    readers.by_aiohttp,
    readers.by_websocket,
]
HTMX = Path(settings.BASE_DIR) / "headway/static/headway/htmx.min.js"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where npm has installed PACKAGES."""
    return npm.install(PACKAGES, tmp_path_factory.mktemp("npm")).parent


class Stage:
    """One server, and all clients that follow the job on it, each through a proxy of its own."""

    def __init__(self, web: Web) -> None:
        self.name = type(web).__name__
        self.web = web
        self.readers: list[Reader] = []
        self.proxies: list[Proxy] = []

    def open(self, job: str, token: str, context: BrowserContext, modules: Path) -> None:
        scripts = [HTMX, modules / "node_modules/htmx-ext-sse/dist/sse.min.js"]

        def target() -> Target:
            self.proxies.append(Proxy(self.web.port))
            return Target(self.proxies[-1].url, job, token)

        self.readers = [
            *(InThread(follow, target()) for follow in FUNCTIONS),
            readers.curl(target()),
            readers.eventsource(target(), modules),
            readers.chromium(target(), context),
            readers.htmx(target(), context, scripts),
        ]

    def close(self) -> None:
        for reader in self.readers:
            reader.close()
        for proxy in self.proxies:
            proxy.close()
        self.web.stop()


@pytest.fixture(scope="module")
def stages(valkey: Valkey, django_db_setup: None, browser: Browser) -> Iterator[list[Stage]]:
    del valkey, django_db_setup, browser  # whose pages are closed before it
    environment = {"STREAM_KEEPALIVE": "1"}
    opened = [Stage(server(**environment)) for server in (Web, Uvicorn, Hypercorn)]
    with ExitStack() as stack:
        for stage in opened:
            stage.web.begin()
            stack.callback(stage.close)
        for stage in opened:
            stage.web.await_ready()
        yield opened


def cut(stages: list[Stage]) -> None:
    for stage in stages:
        for number, proxy in enumerate(stage.proxies):
            proxy.drop(reset=bool(number % 2))


def answer_502(stages: list[Stage]) -> None:
    """Until every client has been answered so."""
    until_all_come_back(stages, "502", drop=True)


def silence(stages: list[Stage]) -> None:
    """Until every client that can has noticed: all but htmx's extension."""
    until_all_come_back(stages, "pause", without="htmx")


def until_all_come_back(
    stages: list[Stage], mode: Mode, *, drop: bool = False, without: str = ""
) -> None:
    proxies = [proxy for stage in stages for proxy in stage.proxies]
    before = {proxy: proxy.accepted for proxy in proxies}
    for proxy in proxies:
        proxy.mode = mode
    everybody = [
        (f"{stage.name}: {reader.name}", reader, proxy)
        for stage in stages
        for reader, proxy in zip(stage.readers, stage.proxies, strict=True)
        if reader.name != without
    ]

    def absent() -> list[str]:
        lagging = []
        for who, reader, proxy in everybody:
            reader.look()  # Playwright has no other time to pass on what the browser does
            if proxy.accepted == before[proxy]:
                lagging.append(who)
                if drop:
                    proxy.drop()  # it may just have connected
        return lagging

    until_there_is_none(absent, mode)
    for proxy in proxies:
        proxy.mode = "pass"


def until_there_is_none(lagging: Callable[[], list[str]], what: str) -> None:
    try:
        wait_until(lambda: not lagging())
    except AssertionError:
        raise AssertionError(f"{what}: {lagging()}") from None


def restart(stages: list[Stage]) -> None:
    for stage in stages:
        stage.web.kill()
    for stage in stages:
        stage.web.begin()
    for stage in stages:
        stage.web.await_ready()


class Story:
    """A job whose log the test writes itself."""

    def __init__(self, owner: User) -> None:
        self.job = Job.objects.create(kind="simulate", title="Simulate", owner=owner)
        announce.created(self.job)
        attempt = lease.claim(self.job.pk, "a test")
        assert attempt is not None
        self._attempt, self._percent = attempt, 0.0

    def tell(self, text: str) -> None:
        """Progress, output and a line."""
        about = {"job": str(self.job.pk), "attempt": 1}
        for _ in range(10):
            self._percent += 1
            moved = {"status": "running", "percent": self._percent}
            self._write("progress", {**about, **moved})
            self._write("output", {**about, "text": "words, "})
        self._write("log", {**about, "level": "info", "text": text})

    def end(self) -> None:
        lease.settle(self._attempt, Status.SUCCEEDED, Traces())

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        log().append(str(self.job.pk), Event(kind, data), attempt=1)


def test_all_clients_have_the_whole_list_on_all_servers_after_all_faults(
    stages: list[Stage],
    modules: Path,
    context: BrowserContext,
    valkey: Valkey,
    transactional_db: None,
    alice: User,
) -> None:
    del transactional_db
    story, token = Story(alice), tokens.issue(alice)[1]
    sign_in(context, alice, stages[0].web.url)
    for stage in stages:
        stage.open(str(story.job.pk), token, context, modules)

    def everybody_has(text: str) -> None:
        story.tell(text)

        def lagging() -> list[str]:
            return [
                f"{stage.name}: {reader.name}"
                for stage in stages
                for reader in stage.readers
                if not reader.has(text)
            ]

        until_there_is_none(lagging, text)

    everybody_has("started")
    for fault in (cut, answer_502, silence, restart):
        fault(stages)
        everybody_has(f"after {fault.__name__}")
    story.end()
    whole = written(valkey, str(story.job.pk))
    for stage in stages:
        for reader in stage.readers:
            wait_until(partial(_is_over, reader))
            assert_is_whole(f"{stage.name}: {reader.name}", reader.got, whole)


def _is_over(reader: Reader) -> bool:
    reader.look()
    return reader.over


def test_an_eventsource_alone_survives_a_cut_and_gives_up_after_a_502(
    stages: list[Stage], context: BrowserContext, transactional_db: None, alice: User
) -> None:
    del transactional_db
    story, web = Story(alice), stages[0].web
    sign_in(context, alice, web.url)
    with closing(Proxy(web.port)) as proxy:
        page = context.new_page()
        page.goto(proxy.url + "/healthz")
        page.evaluate(
            """path => { globalThis.got = []; globalThis.source = new EventSource(path);
            source.addEventListener("log", ({ data }) => got.push(JSON.parse(data).text)); }""",
            f"/jobs/{story.job.pk}/events/?cursor=0",
        )
        for text in ("one", "two"):
            story.tell(text)
            wait_until(partial(page.evaluate, "text => got.at(-1) === text", text))
            proxy.drop()
        assert page.evaluate("got") == ["one", "two"]
        proxy.mode = "502"
        wait_until(lambda: page.evaluate("source.readyState === EventSource.CLOSED"))


def assert_is_whole(who: str, got: list[tuple[str, str, Any]], whole: list[Any]) -> None:
    """Every event once and in order; of `progress`, newer ones may stand for older ones."""
    ids = [int(id_) for id_, _, _ in got]
    assert ids == sorted({*ids}), who
    told = [(event, data) for _, event, data in got]
    kept = [each for each in whole if each[0] != "progress" or each in told]
    assert told == kept, who
    assert json.dumps(told[-1]).count("succeeded"), who
