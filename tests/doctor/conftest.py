"""nginx, HAProxy and Caddy, set wrong in each way, and what the doctor finds of all at once."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import trustme
from django.conf import settings

from headway.doctor.examination import examine
from headway.doctor.findings import Finding
from headway.web import tokens
from tests.support.caddy import Caddy
from tests.support.nginx import write
from tests.support.processes import Process, wait_until
from tests.support.programs import program
from tests.support.stack import Valkey, Web, free_port
from tests.support.users import make_user, session_of

HEARTBEAT = 5
SHOWN = "proxy_ignore_headers X-Accel-Buffering;"
STRIPPED = "http-response del-header Content-Encoding\n  http-response del-header Cache-Control"
"""What another proxy may do before HAProxy, which then compresses what the site forbids."""
NGINX = {
    "right": ("ssl http2", ""),
    # With HTTP/1.1, nginx passes each chunk on even when it buffers.
    "buffering": ("", f"proxy_http_version 1.0; {SHOWN}"),
    "compression": ("", "gzip on; gzip_types *; proxy_hide_header Content-Encoding;"),
    "idle time-out": ("", "proxy_read_timeout 3s;"),
    "HTTP/2": ("ssl", ""),
    "Last-Event-ID": ("", "proxy_set_header Last-Event-ID '';"),
    "resume": ("", "rewrite ^(.*)$ $1? break;"),
    "caching": (
        "",
        (
            f"proxy_cache kept; proxy_cache_valid 200 1m; {SHOWN}"
            "proxy_ignore_headers Cache-Control Vary;"
        ),
    ),
    "redirects": ("", "return 302 https://elsewhere.example$request_uri;"),
    "WebSocket": ("", ""),
}
HAPROXY = {
    "right": ("", ""),
    "buffering": ("", "http-response wait-for-body time 20s"),
    "compression": ("", "compression algo gzip\n  compression type text/event-stream"),
    "idle time-out": ("", "timeout server 3s"),
    "HTTP/2": ("ssl", ""),
    "Last-Event-ID": ("", "http-request del-header Last-Event-ID"),
    "resume": ("", r"http-request replace-uri ^([^?]*).* \1"),
    "redirects": ("", "http-request redirect location https://elsewhere.example/"),
    "WebSocket": ("", "http-request del-header Upgrade"),
}
CADDY = {
    "right": ("", ""),  # deploy/Caddyfile
    "buffering": ("", "buffer_responses"),
    "right, compressing": ("encode gzip", ""),  # it heeds our no-transform
    "idle time-out": ("", "transport http {\n read_timeout 3s\n }"),
    "Last-Event-ID": ("", "header_up -Last-Event-ID"),
    "resume": ("rewrite * {path}?", ""),
    "redirects": ("redir https://elsewhere.example{uri}", ""),
    "WebSocket": ("", "header_up -Upgrade"),
}
"""Beside reverse_proxy, and within its braces."""
CURED = "@pages not path */events/\n encode @pages gzip"
"""What the doctor says against the compression of streams."""
TOLD = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;"
UPGRADE = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;"


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


class Way(NamedTuple):
    proxy: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.proxy}-{self.wrong}".replace("/", "")


KINDS = {"nginx": NGINX, "haproxy": HAPROXY, "caddy": CADDY | {"right, with encode": (CURED, "")}}
WAYS = [Way(proxy, wrong) for proxy, ways in KINDS.items() for wrong in ways]


class Ran(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


class Found(NamedTuple):
    """What was found of each way, what commands did by name, and the page for staff."""

    ways: dict[Way, list[Finding]]
    commands: dict[str, Ran]
    page: str
    token: str


def nginx(directory: Path, addresses: dict[Way, str], web: Web) -> Process:
    blocks = [f"proxy_cache_path {directory}/kept keys_zone=kept:1m;"]
    for wrong, (kind, extra) in NGINX.items():
        address = addresses[Way("nginx", wrong)]
        port = address.rpartition(":")[2]
        tls = f"ssl_certificate {directory}/pem; ssl_certificate_key {directory}/pem;"
        blocks.append(
            f"server {{ listen 127.0.0.1:{port} {kind}; {tls if kind else ''}"
            f" proxy_http_version 1.1;"
            f" location / {{ {TOLD} {extra} proxy_pass {web.url}; }}"
            f" location /ws/ {{ {TOLD} {'' if wrong == 'WebSocket' else UPGRADE}"
            f" proxy_pass {web.url}; }} }}"
        )
    path = write(directory, "\n".join(blocks))
    return Process("nginx", [program("nginx"), "-c", str(path)])


def haproxy(directory: Path, addresses: dict[Way, str], web: Web) -> Process:
    parts = [
        (
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s"
            "\n  timeout server 60s\n  timeout tunnel 60s"
        )
    ]
    stripping = free_port()
    parts.append(
        f"listen before\n  bind 127.0.0.1:{stripping}\n  {STRIPPED}\n"
        f"  server web 127.0.0.1:{web.port}\n"
    )
    for number, (wrong, (kind, extra)) in enumerate(HAPROXY.items()):
        port = addresses[Way("haproxy", wrong)].rpartition(":")[2]
        tls = f" ssl crt {directory}/pem alpn http/1.1" if kind else ""
        parts.append(
            f"listen way{number}\n  bind 127.0.0.1:{port}{tls}\n  {extra}\n"
            f"  http-request set-header X-Forwarded-Proto http{'s' if kind else ''}\n"
            f"  server web 127.0.0.1:{stripping if wrong == 'compression' else web.port}\n"
        )
    path = directory / "haproxy.cfg"
    path.write_text("\n".join(parts))
    return Process("haproxy", [program("haproxy"), "-db", "-f", str(path)])


def caddy(directory: Path, addresses: dict[Way, str], web: Web) -> Process:
    del directory
    blocks = []
    for wrong, (beside, within) in KINDS["caddy"].items():
        if wrong != "right":
            proxy = f"reverse_proxy 127.0.0.1:{web.port} {{\n {within}\n }}"
            blocks.append(f"{addresses[Way('caddy', wrong)]} {{\n {beside}\n {proxy}\n}}")
    right = int(addresses[Way("caddy", "right")].rpartition(":")[2])
    return Caddy(web.port, right, "\n".join(blocks))


@pytest.fixture(scope="package")
def site(valkey: Valkey, django_db_setup: None) -> Iterator[Web]:
    web = Web(STREAM_KEEPALIVE=str(HEARTBEAT), HTTPS="true")
    web.start()
    yield web
    web.stop()


@pytest.fixture(scope="package")
def addresses() -> dict[Way, str]:
    tls = {Way("nginx", "right"), Way("nginx", "HTTP/2"), Way("haproxy", "HTTP/2")}
    ports: dict[int, None] = {}
    while len(ports) < len(WAYS):  # no two the same
        ports[free_port()] = None
    return {
        way: f"http{'s' * (way in tls)}://127.0.0.1:{port}"
        for way, port in zip(WAYS, ports, strict=True)
    }


@pytest.fixture(scope="package")
def proxies(site: Web, addresses: dict[Way, str]) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="doctor-of-tests-"))
    directory.chmod(0o755)  # for what nginx keeps, which it writes as another user
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        directory / "pem"
    )
    authority.cert_pem.write_to_path(directory / "authority")
    running = [start(directory, addresses, site) for start in (nginx, haproxy, caddy)]
    ports = [int(address.rpartition(":")[2]) for address in addresses.values()]
    try:
        for each in running:
            each.start()
        wait_until(lambda: all(listens(port) for port in ports), 15)
        yield directory
    finally:
        for each in running:
            if each.running:
                each.stop()
            print(each.output[-1500:])  # noqa: T201 - shown with a failure


async def command(
    url: str, *arguments: str, before: Sequence[str] = (), types: str = "", **environment: str
) -> Ran:
    """`manage.py stream_doctor`. `types`: what a person answers at its terminal."""
    terminal, stdin = os.openpty() if types else (None, subprocess.DEVNULL)
    running = await asyncio.create_subprocess_exec(
        *(*before, sys.executable, "manage.py", "stream_doctor", url, *arguments),
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    asked = b""
    if terminal is not None:
        assert running.stderr is not None
        asked = await running.stderr.readuntil(b"token: ")
        os.write(terminal, f"{types}\n".encode())
    out, err = await running.communicate()
    for each in (terminal, stdin):
        if terminal is not None and each is not None:
            os.close(each)
    assert running.returncode is not None
    return Ran(running.returncode, out.decode(), (asked + err).decode())


async def page(site: Web, session: str) -> str:
    """What the page of the admin shows in the end, when its button has been pressed."""
    path, cookie = "/admin/headway/job/doctor/", f"{settings.SESSION_COOKIE_NAME}={session}"
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as client:
        opened = await client.get(path, headers={"Cookie": cookie})
        # Secure cookies, which a client does not send over HTTP by itself
        secret = opened.cookies[settings.CSRF_COOKIE_NAME]
        client.cookies.clear()
        client.headers["Cookie"] = f"{cookie}; {settings.CSRF_COOKIE_NAME}={secret}"
        answer = await client.post(path, headers={"X-CSRFToken": secret})
        assert answer.status_code == 302, answer.text
        shown = (await client.get(path)).text
        while 'http-equiv="refresh"' in shown:  # comes back when a browser would
            await asyncio.sleep(1)
            shown = (await client.get(path)).text
    return shown


@pytest.fixture(scope="package")
def found(
    proxies: Path,
    site: Web,
    addresses: dict[Way, str],
    django_db_setup: None,
    django_db_blocker: object,
) -> Found:
    """All at once."""
    right, away = addresses[Way("nginx", "right")], addresses[Way("nginx", "redirects")]

    async def all_of_them(token: str, session: str) -> Found:
        headers = {"Authorization": f"Bearer {token}"}
        (proxies / "token").write_text(f"{token}\n")
        commands = {
            "file": command(right, "--token-file", str(proxies / "token")),
            "clocks": command(
                right,
                before=("faketime", "-f", "+1h"),
                HEADWAY_TOKEN=token,
                FAKETIME_DONT_FAKE_MONOTONIC="1",
            ),
            "json": command(away, "--json", HEADWAY_TOKEN=token),
            "prompt": command(away, types=token),
            "wrong token": command(site.url, HEADWAY_TOKEN="pt_1_wrong"),
        }
        # An answer that was kept does not tell the heartbeat.
        works = (
            examine(f"{url}/jobs", headers, heartbeat=HEARTBEAT if way.wrong == "caching" else None)
            for way, url in addresses.items()
        )
        ways, ran, shown = await asyncio.gather(
            asyncio.gather(*works, return_exceptions=True),
            asyncio.gather(*commands.values()),
            page(site, session),
        )
        by_way: Any = dict(zip(addresses, ways, strict=True))
        return Found(by_way, dict(zip(commands, ran, strict=True)), shown, token)

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:  # type: ignore[attr-defined]
        patch.setenv("SSL_CERT_FILE", str(proxies / "authority"))
        user = make_user("doctor", staff=True)
        try:
            return asyncio.run(all_of_them(tokens.issue(user)[1], session_of(user)))
        finally:
            user.delete()
