"""The servers that are compared, each as its own documentation says to run it."""

import importlib.util
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import SERVER_CORE, Process, free_port, listens
from benchmarks.publisher import Spec
from benchmarks.site import Site

BACKLOG = 4096
"""Connections that the kernel keeps for a server until it takes them. Of those that are too many it
says nothing, and their clients try again after a second: Daphne's own is 50, Uvicorn's 2048."""
UVICORN = ["--log-level", "warning", "--no-access-log", "--lifespan", "off"]
UVICORN += ["--backlog", str(BACKLOG)]
NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NGINX = """\
load_module {module};
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log warn;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  nchan_shared_memory_size 256M;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /pub {{
      nchan_publisher;
      nchan_channel_id $arg_id;
      nchan_message_buffer_length 2000;
      nchan_message_timeout 1h;
    }}
    location = /sub {{
      nchan_subscriber eventsource;
      nchan_channel_id $arg_id;
      nchan_channel_id_split_delimiter ",";
    }}
  }}
}}
"""


@dataclass
class Server(ABC):
    """One thing that streams: how to start it, ask it and publish to it."""

    name: str
    site: Site
    port: int = 0
    under: str = ""
    ours: bool = False
    greets: bool = True
    """Whether a new stream gets its first bytes before there is an event."""

    @property
    def swift(self) -> bool:
        """Whether a quick run includes it: what takes seconds to start stands for its kind once."""
        return self.under != "uvicorn" and not isinstance(self, EventStream)

    def missing(self) -> str:
        """What has to be installed first; "" when nothing is."""
        return ""

    @abstractmethod
    def command(self) -> list[str]:
        """The command line that serves on `port`."""

    def environment(self) -> dict[str, str]:
        """What it reads from its environment besides what all get."""
        return {}

    def start(self, cores: set[int] = SERVER_CORE) -> Process:
        """Serves on a port of its own (the same one again after the first time)."""
        self.port = self.port or free_port()
        log = self.site.directory / f"server-{self.port}.log"
        process = Process(self.command(), log, cores=cores, environment=self.environment())
        process.wait_for(lambda: listens(self.port))
        return process

    def get(self, path: str, headers: Sequence[str] = ()) -> bytes:
        """A GET request."""
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers]
        lines.append("Accept: text/event-stream")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    @abstractmethod
    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        """The requests of `count` viewers of all these jobs."""

    def resumption(self, job: str, last_id: str, cookie: str = "") -> bytes:
        """The request of a viewer of one job who comes back; to a server that remembers nothing
        everybody is new."""
        del last_id, cookie
        return self.requests([job], 1)[0]

    @abstractmethod
    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        """How a worker would write to it."""


@dataclass
class Ours(Server):
    """The project as it is: sessions, middleware, ownership check."""

    under: str = "daphne"
    ours: bool = True
    settings: dict[str, str] = field(default_factory=dict)
    """What it reads from its environment besides what all get."""
    address: str = "127.0.0.1"
    """Where it listens."""

    def environment(self) -> dict[str, str]:
        return self.settings

    def missing(self) -> str:
        return "" if importlib.util.find_spec(self.under) else self.under

    def command(self) -> list[str]:
        application = "progress.asgi:application"
        return _asgi(self.under, self.port, application, self.address, ours=True)

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        cursor = self.site.cursor(jobs)
        path = f"/jobs/{jobs[0]}/events/?cursor={cursor}"
        if len(jobs) > 1:
            path = f"/jobs/events/?cursor={cursor}" + "".join(f"&job={job}" for job in jobs)
        return [self.get(path, [f"Cookie: {cookie}"]) for cookie in self.site.cookies(count)]

    def resumption(self, job: str, last_id: str, cookie: str = "") -> bytes:
        return self.get(f"/jobs/{job}/events/", [f"Cookie: {cookie}", f"Last-Event-ID: {last_id}"])

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("log", self.site.redis_url, jobs, rate, count)


@dataclass
class EventStream(Server):
    """django-eventstream with Redis for live events and as its storage."""

    under: str = "daphne"

    def missing(self) -> str:
        names = (self.under, "django_eventstream")
        return ", ".join(name for name in names if not importlib.util.find_spec(name))

    def command(self) -> list[str]:
        return _asgi(self.under, self.port, "benchmarks.rivals.eventstream.asgi:application")

    def environment(self) -> dict[str, str]:
        return {"REDIS_SOCKET": self.site.redis_socket, "DJANGO_SETTINGS_MODULE": ""}

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        path = "/events/?" + "&".join(f"channel={job}" for job in jobs)
        return [self.get(path)] * count

    def resumption(self, job: str, last_id: str, cookie: str = "") -> bytes:
        del cookie
        return self.get(f"/events/?channel={job}", [f"Last-Event-ID: {job}:{last_id}"])

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("eventstream", self.site.redis_socket, jobs, rate, count)


@dataclass
class Nchan(Server):
    """nginx, one worker process, with the Nchan module; many jobs as one multiplexed channel."""

    greets: bool = False

    def missing(self) -> str:
        return "" if shutil.which("nginx") and NCHAN.exists() else "libnginx-mod-nchan"

    def command(self) -> list[str]:
        directory = self.site.directory / "nginx"
        directory.mkdir(exist_ok=True)
        configuration = directory / "nginx.conf"
        text = NGINX.format(module=NCHAN, directory=directory, port=self.port)
        configuration.write_text(text)
        return ["nginx", "-c", str(configuration), "-p", str(directory), "-e", "stderr"]

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        return [self.get(f"/sub?id={','.join(jobs)}")] * count

    def resumption(self, job: str, last_id: str, cookie: str = "") -> bytes:
        del cookie
        return self.get(f"/sub?id={job}", [f"Last-Event-ID: {last_id}"])

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("post", str(self.port), jobs, rate, count)


@dataclass
class Bare(Server):
    """An asyncio server that only writes: shows what the load client and the kernel can do."""

    def command(self) -> list[str]:
        return [sys.executable, "-m", "benchmarks.rivals.bare", str(self.port)]

    def requests(self, jobs: list[str], count: int) -> list[bytes]:
        del jobs
        return [self.get("/")] * count

    def publish(self, jobs: list[str], rate: float, count: int) -> Spec:
        return Spec("post", str(self.port), jobs, rate, count)


@dataclass
class BareAsgi(Bare):
    """An ASGI application that only sends: what the web server itself costs."""

    under: str = "daphne"

    def missing(self) -> str:
        return "" if importlib.util.find_spec(self.under) else self.under

    def command(self) -> list[str]:
        return _asgi(self.under, self.port, "benchmarks.rivals.bare_asgi:application")


def _asgi(
    under: str, port: int, application: str, address: str = "127.0.0.1", *, ours: bool = False
) -> list[str]:
    """`ours`: as `manage.py up` starts it."""
    if under == "daphne":
        endpoint = f"tcp:port={port}:interface={address}:backlog={BACKLOG}"
        quiet = ["--no-server-name", "--verbosity", "0"]
        command = [sys.executable, "-m", "headway.ops.daphne"] if ours else ["daphne"]
        return [*command, "--endpoint", endpoint, *quiet, application]
    return ["uvicorn", "--host", address, *UVICORN, "--port", str(port), application]


def everybody(site: Site) -> list[Server]:
    """All servers, ours and the rivals."""
    return [
        Ours("ours, Uvicorn", site, under="uvicorn"),
        Nchan("Nchan", site),
        EventStream("django-eventstream, Uvicorn", site, under="uvicorn"),
        Ours("ours, Daphne", site, under="daphne"),
        EventStream("django-eventstream, Daphne", site, under="daphne"),
        BareAsgi("bare ASGI, Uvicorn", site, under="uvicorn"),
        BareAsgi("bare ASGI, Daphne", site, under="daphne"),
        Bare("bare asyncio socket", site),
    ]
