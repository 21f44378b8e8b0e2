"""nginx before a server of the test: with its defaults, or as deploy/nginx.conf has it."""

import getpass
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import httpx
from django.conf import settings

from tests.support.processes import Process
from tests.support.programs import program
from tests.support.stack import free_port

ROOT = Path(__file__).parents[2]
SURROUNDINGS = """
daemon off;
{user}
{main}
pid {directory}/pid;
error_log {directory}/error.log;
events {{ {events} }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  {site}
}}
"""
DEFAULTS = """
  gzip on;
  gzip_types *;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{target};
      proxy_set_header Host $http_host;
    }}
  }}
"""
NOBODY = 1
"""A port that refuses connections."""


def by_default(port: int, target: int) -> str:
    """Buffers, compresses and speaks HTTP/1.0 to the server on port `target`."""
    return DEFAULTS.format(port=port, target=target)


def as_documented(port: int, target: int, other: int = NOBODY) -> str:
    """deploy/nginx.conf without TLS; the second of its web processes is away, unless it listens on
    the port `other`."""
    text = documented(
        {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port};",
            "127.0.0.1:8000": f"127.0.0.1:{target}",
            "127.0.0.1:8001": f"127.0.0.1:{other}",
            "/var/lib/headway/files/": f"{settings.MEDIA_ROOT}/",
        }
    )
    return "".join(line for line in text.splitlines(True) if not line.lstrip().startswith("ssl_"))


def documented(changes: dict[str, str]) -> str:
    """deploy/nginx.conf, with each of these pieces replaced."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def write(directory: Path, site: str, main: str = "", events: str = "") -> Path:
    """A whole configuration in this directory, with `site` as the inside of its http block; `main`
    stands outside of all blocks."""
    path = directory / "nginx.conf"
    # nginx gives root up for "nobody", who cannot read our files
    user = f"user {getpass.getuser()};" if os.getuid() == 0 else ""
    parts = {"directory": directory, "site": site, "user": user, "main": main, "events": events}
    path.write_text(SURROUNDINGS.format(**parts))
    return path


class Nginx(Process):
    """Serves on its own port what the server on port `target` answers."""

    def __init__(self, target: int, site: Callable[[int, int], str]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory = Path(tempfile.mkdtemp(prefix="nginx-of-tests-"))
        path = write(directory, site(self.port, target))
        super().__init__("nginx", [program("nginx"), "-c", str(path)])

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it answers requests."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False
