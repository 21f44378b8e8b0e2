"""An installation over a Redis of its own: everything that a fault can hit, and nothing shared."""

from types import TracebackType
from typing import Self

from tests.support.redis_server import RedisServer
from tests.support.stack import Janitor, ProcfileProcess, Web, Worker


class Installation:
    """Web, worker and janitor over `server`, and over the database of this process. They reach
    the server at `url`, where that is another one than its own, and get `environment` on top."""

    def __init__(self, server: RedisServer, url: str = "", **environment: str) -> None:
        environment = {"REDIS_URL": url or server.url, **environment}
        self.server = server
        self.web = Web(**environment)
        self.worker = Worker(**environment)
        self.janitor = Janitor(**environment)

    @property
    def processes(self) -> tuple[ProcfileProcess, ...]:
        """All but the server."""
        return self.web, self.worker, self.janitor

    @property
    def output(self) -> str:
        """All that they have logged."""
        return "".join(process.output for process in self.processes)

    def __enter__(self) -> Self:
        """Starts what does not run yet, all at once."""
        if not self.server.running:
            self.server.start()
        for process in self.processes:
            process.begin()
        for process in self.processes:
            process.await_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()
        self.server.close()
