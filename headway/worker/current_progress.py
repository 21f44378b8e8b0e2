"""`progress`: what a task reports, and what it can ask, while it runs."""

import tempfile
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from django.core.files import File
from django.core.files.storage import default_storage

from headway.kinds import json_values
from headway.kinds.masking import Mask
from headway.lifecycle import errors, files, lease, outage
from headway.models import Attempt, result_path
from headway.stream import Reporter, Superseded

Item = TypeVar("Item")
OFTEN_ERRORS = ("log", "warn", "output")
"""Calls that are given exceptions by those who catch them."""


class Progress:
    """Progress of code that no worker runs: everything works and nothing is shown or kept."""

    @property
    def job(self) -> uuid.UUID | None:
        """The id of the job that runs; None where no worker runs one."""
        return None

    def track(
        self, iterable: Iterable[Item], total: float | None = None, message: str = ""
    ) -> Iterator[Item]:
        """Passes the items on and counts them; `total` defaults to the iterable's length."""
        del total, message
        yield from iterable

    def update(
        self, current: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Sets how much is done of how much; None leaves total or message as they are."""

    def advance(self, n: float = 1) -> None:
        """Adds to how much is done."""

    def phase(self, name: str, weight: float = 1) -> AbstractContextManager[None]:
        """Begins a part of the job that takes `weight` (0 to 1) of what is left of the bar; in a
        `with`, too."""
        del name, weight
        return nullcontext()

    def log(self, text: object, level: object = "info") -> None:
        """Adds a line to the job's log; `level` is debug, info, warning or error, as in Python's
        logging."""

    def warn(self, item: object, reason: object) -> None:
        """Notes a problem with one item; the job goes on."""

    def output(self, text: object) -> None:
        """Adds to the job's partial output."""

    @property
    def cancelled(self) -> bool:
        """True once a cancel was requested. A task that has seen it returns soon, with a partial
        result."""
        return False

    def checkpoint(self, value: Any) -> None:
        """Stores a JSON-able value in the database, for `restored` of the next attempt.

        Within `transaction.atomic()` it is kept or lost together with the task's own rows.
        """

    @property
    def restored(self) -> Any:
        """The last checkpoint of this job's earlier attempts, or None."""
        return None

    @contextmanager
    def result_file(self, name: str, mode: str = "w") -> Iterator[IO[Any]]:
        """Opens a file that people can download afterwards: UTF-8 text, or bytes with mode "wb"."""
        del name
        with _temporary(mode) as file:
            yield file


class Running(Progress):
    """Progress of one attempt that a worker runs."""

    def __init__(self, attempt: Attempt, reporter: Reporter) -> None:
        self.attempt = attempt
        self.files: list[str] = []
        self.saw_cancel = False
        self._reporter = reporter
        for name in ("track", "update", "advance", "phase"):
            setattr(self, name, getattr(reporter, name))  # as attributes they cost nothing more
        self.hide({})

    def hide(self, secrets: Mapping[str, Any]) -> Mask:
        """Masks the task's secrets in what it will say. To be called before the task is."""
        mask = Mask(secrets.values())
        self.told = partial(_told, self.attempt, mask)
        speaks = ("log", "warn", "output", "update", "phase") if secrets else OFTEN_ERRORS
        for name in speaks:
            setattr(self, name, _discreet(getattr(self._reporter, name), self.told))
        if secrets:
            self.track = partial(_track, self._reporter, mask)  # type: ignore[method-assign]
        return mask

    @property
    def job(self) -> uuid.UUID | None:
        return self.attempt.job_id

    @property
    def cancelled(self) -> bool:
        self.saw_cancel = self._reporter.cancelled
        return self.saw_cancel

    def checkpoint(self, value: Any) -> None:
        kept = json_values.parameter(value)
        if not outage.insist(lambda: lease.checkpoint(self.attempt, kept)):
            raise Superseded

    @property
    def restored(self) -> Any:
        earlier = Attempt.objects.filter(job_id=self.attempt.job_id, checkpoint__isnull=False)
        newest = earlier.order_by("-number").values_list("checkpoint", flat=True)
        return outage.insist(newest.first)

    @contextmanager
    def result_file(self, name: str, mode: str = "w") -> Iterator[IO[Any]]:
        safe = files.safe_name(name)
        path = result_path(self.attempt.job_id, self.attempt.number, safe)
        with _temporary(mode) as file:
            try:
                yield file
            except (Superseded, SystemExit):
                raise
            except BaseException:
                self._keep(file, path, safe)  # what a failed or cancelled job has written so far
                raise
            self._keep(file, path, safe)

    def _keep(self, file: IO[Any], path: str, name: str) -> None:
        file.flush()
        default_storage.delete(path)
        with Path(file.name).open("rb") as content:
            default_storage.save(path, File(content))
        if name not in self.files:
            self.files.append(name)


def _told(attempt: Attempt, mask: Mask, said: Any) -> Any:
    """What a task says without secrets; of exceptions what users are told of them."""
    if isinstance(said, BaseException):
        return errors.sentence(said, attempt.job_id, mask)
    return mask.told(said)


def _discreet(say: Callable[..., Any], told: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *said, **named: say(*map(told, said), **{n: told(v) for n, v in named.items()})


def _track(
    reporter: Reporter,
    mask: Mask,
    iterable: Iterable[Item],
    total: float | None = None,
    message: str = "",
) -> Iterator[Item]:
    return reporter.track(iterable, total, mask.told(message))


NOBODY = Progress()
_here: ContextVar[Progress | None] = ContextVar("progress", default=None)
_running: set[Running] = set()


@contextmanager
def running(progress: Running) -> Iterator[None]:
    """Makes `progress` the current one in this thread."""
    _running.add(progress)
    try:
        with _current(progress):
            yield
    finally:
        _running.discard(progress)


@contextmanager
def nobody() -> Iterator[None]:
    """Within it, `progress` does nothing: for a task that is called like a function."""
    with _current(NOBODY):
        yield


def is_running(job_id: str | None) -> bool:
    """Whether this process is within that job's task right now."""
    return any(str(progress.attempt.job_id) == job_id for progress in _running.copy())


def running_job() -> uuid.UUID | None:
    """The job whose task this thread is in."""
    active = _active()
    return active.attempt.job_id if isinstance(active, Running) else None


def here() -> Running | None:
    """The progress of this very context, not of a thread that the task started."""
    found = _here.get()
    return found if isinstance(found, Running) else None


def _active() -> Progress:
    here = _here.get()
    if here is None and len(_running) == 1:
        # A thread that the task started has no context of its own, but there is no doubt.
        here = next(iter(_running.copy()), None)
    return here or NOBODY


@contextmanager
def _temporary(mode: str) -> Iterator[IO[Any]]:
    if mode not in ("w", "wb"):
        raise ValueError(f"a result file is opened with mode 'w' or 'wb', not {mode!r}")
    encoding, newline = (None, None) if mode == "wb" else ("utf-8", "")
    with tempfile.NamedTemporaryFile(f"{mode}+", encoding=encoding, newline=newline) as file:
        yield file


class _Current:
    """Stands for the current progress. While there is only one, what a task's loop calls is an
    attribute: `__getattr__` would cost many times what the call itself does."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_active(), name)


@contextmanager
def _current(progress: Progress) -> Iterator[None]:
    token = _here.set(progress)
    _open.append(progress)
    _shorten()
    try:
        yield
    finally:
        _open.remove(progress)
        _shorten()
        _here.reset(token)


def _shorten() -> None:
    with _shortening:
        here = list(_open)
        for name in ("track", "update", "advance"):
            vars(_stand_in).pop(name, None)
            if len(here) == 1:
                setattr(_stand_in, name, getattr(here[0], name))


_open: list[Progress] = []
_shortening = threading.Lock()
_stand_in = _Current()
progress = cast(Progress, _stand_in)
"""The progress of whichever attempt runs in this thread; harmless where none does."""
