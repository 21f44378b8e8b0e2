"""The application on the other ASGI servers that it runs on."""

import sys

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
