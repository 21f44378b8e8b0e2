"""Caddy before servers of the test, as deploy/Caddyfile has it, over plain HTTP."""

import tempfile
from pathlib import Path

import httpx

from tests.support.nginx import NOBODY, ROOT
from tests.support.processes import Process
from tests.support.programs import program
from tests.support.stack import free_port

SURROUNDINGS = """{{
  admin off
  auto_https off
}}
import {root}/deploy/Caddyfile
{more}
"""


class Caddy(Process):
    """Serves on its own port what the server on port `target` answers; the second web process is
    away. `more`: blocks of other sites."""

    def __init__(self, target: int, port: int = 0, more: str = "") -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory = Path(tempfile.mkdtemp(prefix="caddy-of-tests-"))
        path = directory / "Caddyfile"
        path.write_text(SURROUNDINGS.format(root=ROOT, more=more))
        super().__init__(
            "caddy",
            [program("caddy"), "run", "--config", str(path), "--adapter", "caddyfile"],
            SITE=self.url,
            UPSTREAMS=f"127.0.0.1:{target} 127.0.0.1:{NOBODY}",
            HOME=str(directory),
        )

    def start(self) -> None:
        """Start it and wait until it answers."""
        super().start()
        self.wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it answers requests."""
        try:
            return httpx.get(f"{self.url}/healthz", timeout=10).status_code == 200
        except httpx.TransportError:
            return False
