"""Runs the processes of an installation in one terminal: named output, restarts, an orderly
shutdown."""

import contextlib
import os
import queue
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from honcho.colour import get_colours
from honcho.printer import Message, Printer
from honcho.process import Process

QUICK = 10.0  # seconds: a process that lived shorter failed to start
MAX_FAILURES = 5  # quick ones in a row, of one process
ASK_EVERY = 0.3  # seconds, between two questions whether all is ready
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Child:
    """One command and its current life."""

    name: str
    command: str
    environment: Mapping[str, str]
    colour: str
    runs: bool = False
    pid: int = 0  # 0 until it is known
    started: float = 0.0
    failures: int = 0
    due: float = 0.0  # when to start it again


class Supervisor:
    """Starts commands, prints what they say, starts again what ends, and ends them all.

    A signal to end goes to the process alone, never to its group: a Celery worker ends its own
    pool. Only what is left when time is up is killed, with its group. Use it as a context manager
    in the main thread: leaving it ends every process. Where the system can do so (`setpriv` of
    Linux), it asks the processes to end when we are killed.
    """

    def __init__(self, *, pause: float = 0.5) -> None:
        """`pause` seconds until the first restart; each quick failure doubles it."""
        self.pause = pause
        self.stopping = False
        self.failure = ""  # the sentence that says which process made us give up
        self._children: dict[str, Child] = {}
        self._events: queue.Queue[Message] = queue.Queue()
        self._colours = get_colours()
        self._printer = Printer(sys.stdout, width=len("janitor"))
        self._signals = 0
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Supervisor":
        for number in STOP_SIGNALS:
            self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.end(self._children)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self._print(Message("line", text, datetime.now(), "up", None))

    def start(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        """Run a shell command, which should `exec` its program, under `name`."""
        child = Child(name, command, environment, next(self._colours))
        self._children[name] = child
        self._spawn(child)

    def run(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Serve the processes until `until()`, and answer True; False when all shall end first."""
        asked = 0.0
        while not self.stopping:
            if time.monotonic() >= asked + ASK_EVERY:
                if until():
                    return True
                asked = time.monotonic()
            self._serve_events(0.1)
            for child in self._children.values():
                if child.due and time.monotonic() >= child.due:
                    self._spawn(child)
        return False

    def end(self, names: Collection[str], grace: float = 6.0) -> None:
        """Ask these processes to end, together; kill what is left after `grace` seconds.

        A second signal to us ends the wait.
        """
        self.stopping = True
        children = [child for name, child in self._children.items() if name in names]
        asked: set[str] = set()
        deadline = time.monotonic() + grace
        while _any_runs(children) and time.monotonic() < deadline and self._signals < 2:
            for child in children:
                if child.pid and child.name not in asked:
                    _send(os.kill, child.pid, signal.SIGTERM)
                    asked.add(child.name)
            self._serve_events(0.1)
        for child in children:
            _send(os.killpg, child.pid, signal.SIGKILL)
        deadline = time.monotonic() + 1
        while _any_runs(children) and time.monotonic() < deadline:
            self._serve_events(0.1)

    def _on_signal(self, *_: object) -> None:
        self._signals += 1
        self.stopping = True

    def _spawn(self, child: Child) -> None:
        child.due = 0.0
        child.started = time.monotonic()
        child.runs = True
        command, environment = _tied_to_us(child.command), dict(child.environment)
        process = Process(command, name=child.name, colour=child.colour, env=environment)
        threading.Thread(target=process.run, args=(self._events,), daemon=True).start()

    def _serve_events(self, seconds: float) -> None:
        with contextlib.suppress(queue.Empty):
            message = self._events.get(timeout=seconds)
            while True:
                self._serve(message)
                message = self._events.get_nowait()

    def _serve(self, message: Message) -> None:
        child = self._children[message.name]
        if message.type == "line":
            self._print(message)
        elif message.type == "start":
            child.pid = message.data["pid"]
            self.say(f"{child.name} started (pid {child.pid})")
        else:
            self._ended(child, message.data["returncode"])

    def _ended(self, child: Child, code: int) -> None:
        _send(os.killpg, child.pid, signal.SIGKILL)  # what it left behind
        child.pid = 0
        child.runs = False
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        if self.stopping:
            return
        lived = time.monotonic() - child.started
        child.failures = child.failures + 1 if lived < QUICK else 1
        if child.failures >= MAX_FAILURES:
            self.failure = (
                f"{child.name} {how}, for the {child.failures}th time within seconds of its start: "
                "see its lines above."
            )
            self.stopping = True
            return
        pause = self.pause * 2 ** (child.failures - 1)
        child.due = time.monotonic() + pause
        self.say(f"{child.name} {how} after {lived:.0f} s; starting it again in {pause:g} s")

    def _print(self, message: Message) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone: still end in order
            self._printer.write(message)


def _tied_to_us(command: str) -> str:
    tie = shutil.which("setpriv")
    return f"exec {tie} --pdeathsig TERM -- /bin/sh -c {shlex.quote(command)}" if tie else command


def _any_runs(children: Iterable[Child]) -> bool:
    return any(child.runs for child in children)


def _send(how: Callable[[int, int], None], pid: int, number: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            how(pid, number)
