"""Server processes on a core of their own, and what the operating system says they use."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = {CORES[0]}
CLIENT_CORE = {CORES[-1]}
"""Servers under test get one core; the load client, the publisher and Valkey share another."""
HERTZ = os.sysconf("SC_CLK_TCK")
"""The kernel's clock ticks a second: CPU time is known to one of them."""


class Process:
    """One command with its children: started, watched and ended by its pid."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        cores: set[int],
        environment: dict[str, str] | None = None,
        piped: bool = False,
    ) -> None:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PATH": path, **(environment or {})},
                stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
                stdout=subprocess.PIPE if piped else output,
                stderr=output,
                start_new_session=True,
                text=True,
            )
        self.pid = self._popen.pid
        os.sched_setaffinity(self.pid, cores)

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._popen.poll() is None

    def wait_for(self, look: Callable[[], object], seconds: float = 20) -> None:
        """Returns once `look` answers something true. Raises RuntimeError with what the process
        has printed when it ends first, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not look():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"{self._popen.args!r}: {self.log.read_text()[-3000:]}")
            time.sleep(0.02)  # what is awaited happens in another process, which tells nobody

    def tell(self, line: str) -> None:
        """Writes one line to its standard input."""
        stdin, _ = self._pipes()
        stdin.write(line + "\n")
        stdin.flush()

    def line(self) -> str:
        """The next line of its standard output."""
        _, stdout = self._pipes()
        answer = stdout.readline()
        if not answer:
            raise RuntimeError(f"{self._popen.args!r}: {self.log.read_text()[-3000:]}")
        return answer

    @property
    def output(self) -> int:
        """File descriptor of its standard output, to poll."""
        return self._pipes()[1].fileno()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        if self._popen.stdin is None or self._popen.stdout is None:
            raise ValueError("the process was not started with piped=True")
        return self._popen.stdin, self._popen.stdout

    def cpu(self) -> float:
        """Seconds of user and system time so far, its living and its ended children included."""
        return sum(_cpu(pid, "utime", "stime", "cutime", "cstime") for pid in self.pids())

    def system(self) -> float:
        """The part of it that was spent in the kernel."""
        return sum(_cpu(pid, "stime", "cstime") for pid in self.pids())

    def memory(self) -> int:
        """Resident bytes (VmRSS), of the children too."""
        return sum(_status(pid, "VmRSS") * 1024 for pid in self.pids())

    def threads(self) -> int:
        """Threads of the process and its children."""
        return sum(_status(pid, "Threads") for pid in self.pids())

    def open_files(self, part: str) -> int:
        """Open files, of the process and its children, whose path contains `part`."""
        found = 0
        for pid in self.pids():
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found += part in str(descriptor.readlink())
        return found

    def pids(self) -> list[int]:
        """The process and all below it."""
        found = [self.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for children in Path(f"/proc/{pid}/task").glob("*/children"):
                    found += [int(child) for child in children.read_text().split()]
        return found

    def pause(self) -> None:
        """Stands still, with all its connections open, until `resume`."""
        os.killpg(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on."""
        os.killpg(self.pid, signal.SIGCONT)

    def stop(self, seconds: float = 10) -> None:
        """Asks it to end, and ends it after `seconds`."""
        if self.running:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Ends its whole session at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


def handed_over(pid: int) -> int:
    """Connections of a process that its event loop watches through an epoll of their own: the
    ones that its web server has let go of. The kernel tells (proc(5), fdinfo)."""
    watched: dict[int, list[int]] = {}
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            lines = re.findall(r"^tfd:\s+(\d+)", info.read_text(), re.MULTILINE)
            watched[int(info.name)] = [int(number) for number in lines]
    inner = {number for numbers in watched.values() for number in numbers if watched.get(number)}
    return sum(len(watched[number]) for number in inner)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _cpu(pid: int, *names: str) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    times = dict(zip(("utime", "stime", "cutime", "cstime"), fields[11:15], strict=True))
    return sum(int(times[name]) for name in names) / HERTZ


def _status(pid: int, name: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    return 0
