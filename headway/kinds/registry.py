"""Finds every `@job_task` of the installed apps and describes it as a kind of job to start."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from celery import current_app
from django import forms
from django.core.checks import CheckMessage, Error
from django.utils.module_loading import autodiscover_modules

from headway.conf import conf
from headway.kinds import parameters, secrets

_found: dict[str, "JobTask"] = {}


class JobTask(Protocol):
    """What the app asks of a task that is a kind of job; `headway.worker.task` has the class."""

    name: str
    expires: Any
    acks_late: bool
    job_kind: str
    job_title: str
    job_unit: str
    effects: Any
    says: Any
    job_form: type[forms.Form] | None
    max_attempts: int
    stalled_after: float | None
    stop_stalled: bool
    leads_to: Any

    @property
    def run(self) -> Any: ...

    @property
    def request(self) -> Any: ...

    @property
    def soft_time_limit(self) -> float | None: ...

    @property
    def time_limit(self) -> float | None: ...

    @property
    def job_signature(self) -> inspect.Signature: ...

    def delay(self, *args: Any, **kwargs: Any) -> Any: ...

    def publish(self, job: Any, producer: Any = None) -> None: ...


@dataclass(frozen=True)
class Kind:
    """One kind of job: what the start page, the admin and the commands know about a task."""

    name: str
    title: str
    description: str
    unit: str
    effects: str
    """What a second attempt repeats outside; "": nothing."""
    stalled_after: float | None
    task: JobTask
    form_class: type[forms.Form]
    secrets: frozenset[str]
    """Parameters that are secrets whatever they are called."""
    leads_to: Callable[[Any], str] | None = None
    """Gives the path of a page about the result of a job."""

    @property
    def is_internal(self) -> bool:
        """Whether only the app itself starts jobs of it."""
        return self.name.startswith("headway-")

    def fill(self, values: Mapping[str, Any], files: Mapping[str, Any] | None = None) -> forms.Form:
        """A bound form in which fields that `values` leaves out have their initial value.

        For commands and JSON; a browser sends every field, so pages bind `form_class` directly.
        """
        initial = {
            name: field.initial() if callable(field.initial) else field.initial
            for name, field in self.form_class.base_fields.items()
            if field.initial is not None and not isinstance(field, forms.FileField)
        }
        data = self.shown({**initial, **values})
        for name in self._of_several_widgets() & data.keys():
            data |= {f"{name}_{number}": part for number, part in enumerate(data[name])}
        return self.form_class(data, dict(files or {}))  # type: ignore[arg-type]  # Form takes any mapping of files

    def shown(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """`values`, texts or what JSON holds, as a form shows them: a list with a part for each
        widget where a field has several."""
        several = self._of_several_widgets()
        return {
            name: self._parts(name, value) if name in several else value
            for name, value in values.items()
        }

    def _of_several_widgets(self) -> frozenset[str]:
        fields = self.form_class.base_fields.items()
        return frozenset(n for n, each in fields if isinstance(each.widget, forms.MultiWidget))

    def _parts(self, name: str, value: Any) -> list[Any]:
        """What cannot be taken apart goes to each widget whole, which says what is wrong."""
        if isinstance(value, list):
            return value
        try:
            known = parameters.revived(self.task.job_signature, {name: value})[name]
        except ValueError:
            known = value
        widget: Any = self.form_class.base_fields[name].widget
        try:
            return list(widget.decompress(known))
        except (AttributeError, TypeError, ValueError):
            return [value] * len(widget.widgets)


def _tasks() -> list[Any]:
    """Celery's tasks that are kinds of jobs."""
    _discover()
    return [task for task in current_app.tasks.values() if getattr(task, "job_kind", "")]


def kinds() -> dict[str, Kind]:
    """Every kind by name, in the order of their titles."""
    found: dict[str, Kind] = {}
    for task in _tasks():
        found.setdefault(task.job_kind, _describe(task))
    return dict(sorted(found.items(), key=lambda item: str(item[1].title)))


def names() -> set[str]:
    """Of all kinds; at a tenth of the cost of describing them."""
    return {task.job_kind for task in _tasks()}


def get(name: str) -> Kind:
    """The kind called `name`. Raises KeyError when no installed app has such a task."""
    if (kind := find(name)) is None:
        raise KeyError(name)
    return kind


def find(name: str) -> Kind | None:
    """The kind called `name`, or None. Every start, state and run asks several times, so what was
    found is remembered for as long as Celery knows that task."""
    task: Any = _found.get(name)
    if task is None or current_app.tasks.get(task.name) is not task:
        task = next((each for each in _tasks() if each.job_kind == name), None)
        if task is None:
            return None
        _found[name] = task
    return _describe(task)


def offered(name: str) -> Kind:
    """The kind called `name`, where people may start it. Raises KeyError otherwise."""
    kind = get(name)
    if kind.is_internal:
        raise KeyError(name)
    return kind


def secrets_of_task(name: str) -> frozenset[str] | None:
    """Which parameters of the Celery task of this name are secrets; None where it is no kind."""
    task: Any = current_app.tasks.get(name)
    if not getattr(task, "job_kind", ""):
        return None
    takes = task.job_signature.parameters
    return _describe(task).secrets | {each for each in takes if secrets.looks_secret(each)}


def unit(name: str) -> str:
    """What the progress of a kind counts; "" where it does not say, or is gone."""
    kind = find(name)
    return str(kind.unit) if kind else ""  # it may be a lazy translation


def stalled_after(name: str) -> float | None:
    """Seconds without a word after which a job of a kind has stalled; None: it never does."""
    kind = find(name)
    own = kind.stalled_after if kind else None
    return (conf.JOB_STALLED_AFTER if own is None else own) or None


def stopped_after(name: str) -> float:
    """The same for kinds whose stalled jobs are to be ended; for all others infinite."""
    kind = find(name)
    limit = stalled_after(name) if kind and kind.task.stop_stalled else None
    return math.inf if limit is None else limit


def check_stalls(**_: Any) -> Iterator[CheckMessage]:
    """An error for each kind whose `stalled_after` cannot be meant."""
    for kind in kinds().values():
        after = kind.stalled_after
        number = isinstance(after, int | float) and not isinstance(after, bool)
        if after is not None and not (number and 0 <= after < math.inf):
            hint = "Use a number of seconds, 0 for never, or leave it out."
            yield Error(f"{kind.task.name}: stalled_after is {after!r}.", hint, id="headway.E004")
        elif after == 0 and kind.task.stop_stalled:
            hint = "stop_stalled ends what has stalled, and with stalled_after=0 nothing does."
            yield Error(f"{kind.task.name} never stalls.", hint, id="headway.E004")


def check_names(**_: Any) -> list[CheckMessage]:
    """One error for each task whose kind another task has: their rows could not be told apart."""
    known = kinds()
    return [
        Error(
            f"Two job tasks are called {name!r}: {known[name].task.name} and {task.name}."
            " Rename one, or give it a name by kind=.",
            id="headway.E002",
        )
        for task in _tasks()
        if known[name := task.job_kind].task.name != task.name
    ]


@cache
def _discover() -> None:
    autodiscover_modules("tasks")


@cache
def _describe(task: JobTask) -> Kind:
    form = task.job_form or parameters.form(task.job_signature)
    first = inspect.cleandoc(task.run.__doc__ or "").split("\n\n")[0]
    description = " ".join(first.split())
    hidden = secrets.fields(form) | parameters.marked(task.job_signature)
    return Kind(
        name=task.job_kind,
        title=task.job_title,
        description=description,
        unit=task.job_unit,
        effects=str(task.effects),
        stalled_after=task.stalled_after,
        task=task,
        form_class=form,
        secrets=hidden,
        leads_to=task.__class__.leads_to,  # of its class, or it would be a method of the task
    )
