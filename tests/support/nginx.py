"""nginx with its defaults before a server of the test."""

import tempfile
from pathlib import Path

import httpx

from tests.support.processes import Process
from tests.support.programs import program
from tests.support.stack import free_port

CONFIGURATION = """
daemon off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  gzip on;
  gzip_types *;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{target};
      proxy_set_header Host $http_host;
    }}
  }}
}}
"""


class Nginx(Process):
    """Buffers, compresses and speaks HTTP/1.0 to who is behind it."""

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        directory = Path(tempfile.mkdtemp(prefix="nginx-of-tests-"))
        path = directory / "nginx.conf"
        path.write_text(CONFIGURATION.format(directory=directory, port=self.port, target=target))
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
