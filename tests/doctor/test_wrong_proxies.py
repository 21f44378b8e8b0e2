"""nginx and HAProxy, set wrong in each way: the doctor finds it, and nothing else that is bad."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from django.conf import settings
from django.contrib.auth.models import User

from headway.doctor.examination import examine
from headway.doctor.findings import CURES, Finding, Verdict
from headway.web import tokens
from tests.support.nginx import write
from tests.support.processes import Process, wait_until
from tests.support.programs import program
from tests.support.stack import Valkey, Web, free_port
from tests.support.users import make_user

HEARTBEAT = 3
SHOWN = "proxy_ignore_headers X-Accel-Buffering;"
STRIPPED = "http-response del-header Content-Encoding\n  http-response del-header Cache-Control"
"""What another proxy may do before HAProxy, which then compresses what the site forbids."""
NGINX = {
    "right": ("", ""),
    # With HTTP/1.1, nginx passes each chunk on even when it buffers.
    "buffering": ("", f"proxy_http_version 1.0; {SHOWN}"),
    "compression": ("", "gzip on; gzip_types *; proxy_hide_header Content-Encoding;"),
    "idle time-out": ("", "proxy_read_timeout 1s;"),
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
    "idle time-out": ("", "timeout server 1s"),
    "HTTP/2": ("ssl", ""),
    "Last-Event-ID": ("", "http-request del-header Last-Event-ID"),
    "resume": ("", r"http-request replace-uri ^([^?]*).* \1"),
    "redirects": ("", "http-request redirect location https://elsewhere.example/"),
    "WebSocket": ("", "http-request del-header Upgrade"),
}


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


WAYS = [Way("nginx", wrong) for wrong in NGINX] + [Way("haproxy", wrong) for wrong in HAPROXY]
Found = dict[Way, list[Finding]]


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


@pytest.fixture(scope="module")
def site(valkey: Valkey, django_db_setup: None) -> Iterator[Web]:
    web = Web(STREAM_KEEPALIVE=str(HEARTBEAT))
    web.start()
    yield web
    web.stop()


@pytest.fixture(scope="module")
def addresses() -> dict[Way, str]:
    tls = {Way("nginx", "HTTP/2"), Way("haproxy", "HTTP/2")}
    return {way: f"http{'s' * (way in tls)}://127.0.0.1:{free_port()}" for way in WAYS}


@pytest.fixture(scope="module")
def proxies(site: Web, addresses: dict[Way, str]) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="doctor-of-tests-"))
    directory.chmod(0o755)  # for what nginx keeps, which it writes as another user
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        directory / "pem"
    )
    authority.cert_pem.write_to_path(directory / "authority")
    running = [nginx(directory, addresses, site), haproxy(directory, addresses, site)]
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


@pytest.fixture(scope="module")
def found(
    proxies: Path, addresses: dict[Way, str], django_db_setup: None, django_db_blocker: object
) -> Found:
    """Of all ways at once."""

    async def all_of_them(token: str) -> list[Any]:
        headers = {"Authorization": f"Bearer {token}"}
        # An answer that was kept does not tell the heartbeat.
        works = (
            examine(f"{url}/jobs", headers, heartbeat=HEARTBEAT if way.wrong == "caching" else None)
            for way, url in addresses.items()
        )
        return await asyncio.gather(*works, return_exceptions=True)

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:  # type: ignore[attr-defined]
        patch.setenv("SSL_CERT_FILE", str(proxies / "authority"))
        user = make_user("doctor")
        try:
            answers = asyncio.run(all_of_them(tokens.issue(user)[1]))
        finally:
            user.delete()
    return dict(zip(addresses, answers, strict=True))


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_set_wrong_is_found(way: Way, found: Found) -> None:
    wrong = {each.check for each in found[way] if each.cures}
    if way.wrong != "HTTP/2":
        wrong -= {"HTTP/2"}  # all others are without TLS
    if way.wrong == "right":
        assert wrong == set()
    else:
        assert way.wrong in wrong
        assert wrong <= {way.wrong, "buffering"}, found[way]


def command(url: str, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", "stream_doctor", url, *arguments],
        cwd=settings.BASE_DIR,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_json_and_never_the_token(
    proxies: Path, addresses: dict[Way, str], transactional_db: None, alice: User
) -> None:
    token = tokens.issue(alice)[1]
    url = addresses[Way("nginx", "redirects")]
    done = command(url, "--json", HEADWAY_TOKEN=token)
    assert done.returncode == 1, done.stderr
    assert token not in done.stdout + done.stderr
    checks = {each["check"]: each for each in json.loads(done.stdout)["checks"]}
    assert set(checks["redirects"]["cures"]) == set(CURES["redirects"])


def test_what_cannot_be_examined_is_a_sentence(site: Web, transactional_db: None) -> None:
    done = command(site.url, HEADWAY_TOKEN="pt_1_wrong")
    assert (done.returncode, done.stdout) == (2, "")
    assert "401: not signed in. Give a token" in done.stderr
    assert "pt_1_wrong" not in done.stderr


def test_every_check_has_a_cure_for_every_proxy() -> None:
    assert {len(cures) for cures in CURES.values()} == {7}
    assert all(cure for cures in CURES.values() for cure in cures.values())
    assert Finding("clocks", Verdict.OK, "").cures == {}
