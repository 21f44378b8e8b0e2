"""Real processes of the project, started for tests, awaited, and always ended."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from django.conf import settings

from tests.support.patience import PATIENCE

T = TypeVar("T")


def wait_until(look: Callable[[], T], seconds: float = PATIENCE, every: float = 0.05) -> T:
    """Poll `look` until it answers something true, and return that.

    Raises AssertionError after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(every)
    return answer


class Process:
    """A command in a session of its own, with its output in a file that tests can read."""

    def __init__(self, name: str, command: Sequence[str], **environment: str) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.checkout = Path(settings.BASE_DIR)
        """Whose code it runs."""
        self._log = Path(settings.DATA_DIR) / f"{name}-{id(self)}.log"
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process itself."""
        assert self._popen is not None, f"{self.name} was not started"
        return self._popen.pid

    @property
    def surroundings(self) -> dict[str, str]:
        """The environment that it runs in."""
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1", **self.environment}

    @property
    def output(self) -> str:
        """Everything it has printed, over all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def start(self) -> None:
        """Start it; subclasses also wait until it serves."""
        assert not self.running, f"{self.name} is already running"
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                self.command,
                cwd=self.checkout,
                env=self.surroundings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, look: Callable[[], T], seconds: float = PATIENCE) -> T:
        """Poll `look` while the process runs; fails with its output when it ends or time is up."""

        def look_while_running() -> T:
            assert self.running, "ended early"
            return look()

        try:
            return wait_until(look_while_running, seconds)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.output[-4000:]}") from error

    def signal(self, number: int) -> None:
        """Send one signal to the process alone."""
        os.kill(self.pid, number)

    def signal_all(self, number: int) -> None:
        """Send one signal to the process and its children."""
        os.killpg(self.pid, number)

    def kill(self) -> None:
        """End it and its children at once, as `kill -9` does."""
        if self._popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()

    def stop(self, seconds: float = 10) -> int:
        """Ask it to end, kill what is left after `seconds`, and return its exit code."""
        assert self._popen is not None, f"{self.name} was not started"
        if self.running:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
        self.kill()
        return self._popen.returncode
