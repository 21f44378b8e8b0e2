"""The application on the other ASGI servers that it runs on."""

import sys
from collections.abc import Callable

from tests.support.stack import Web

APPLICATION = "progress.asgi:application"


class Uvicorn(Web):
    """Waits for slow clients."""

    def __init__(self, host: str = "127.0.0.1", **environment: str) -> None:
        super().__init__(host, **environment)
        self.command = [
            *(sys.executable, "-m", "uvicorn", "--host", self.host, "--port", str(self.port)),
            *("--no-access-log", APPLICATION),
        ]


class Hypercorn(Web):
    """Also speaks HTTP/2."""

    def __init__(self, **environment: str) -> None:
        super().__init__(**environment)
        self.command = [
            *(sys.executable, "-m", "hypercorn", "--bind", f"127.0.0.1:{self.port}"),
            *("--graceful-timeout", "1", APPLICATION),
        ]


Serve = Callable[..., Web]
"""Of a class and its arguments, the server that is shared by all who ask for the same."""


class Servers:
    """Web servers that the tests of many files share: starting one costs more than most tests."""

    def __init__(self) -> None:
        self._made: dict[tuple[type[Web], tuple[tuple[str, str], ...]], Web] = {}

    def __call__(self, kind: type[Web], **arguments: str) -> Web:
        """One of a class and an environment, alive; a test that ends it need not start it again."""
        key = (kind, tuple(sorted(arguments.items())))
        if key not in self._made:
            self._made[key] = kind(**arguments)
        server = self._made[key]
        if not server.running:
            server.start()
        return server

    def stop(self) -> None:
        """Ends all of them."""
        for server in self._made.values():
            server.stop()
