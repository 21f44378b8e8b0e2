"""What a job was started with, as its page shows it: what differs from the defaults first."""

from dataclasses import dataclass
from typing import Any

from headway.kinds.masking import MASK
from headway.models import Job
from headway.web.presenters import Shown
from headway.web.readable import label, plain


@dataclass(frozen=True)
class Input:
    """One parameter. `default` is None where it has none, or is a secret."""

    name: str
    value: str
    default: str | None
    differs: bool


def inputs(item: Shown) -> list[Input]:
    """Of a job, for a viewer who may see them; else none."""
    if not item.sees_inputs:
        return []
    known = item.kind.form_class.base_fields if item.kind else {}
    told = [_input(name, value, known.get(name)) for name, value in _params(item.job)]
    return sorted(told, key=lambda each: not each.differs)


def _params(job: Job) -> list[tuple[str, Any]]:
    """Uploaded files go by the names they came with."""
    prefix = f"uploads/{job.pk}/"
    return [
        (name, value.removeprefix(prefix) if isinstance(value, str) else value)
        for name, value in job.params.items()
    ]


def _input(name: str, value: Any, form_field: Any) -> Input:
    initial = getattr(form_field, "initial", None)
    default = initial() if callable(initial) else initial
    same = _same(value, default)
    shown = None if value == MASK or _is_blank(default) else plain(_told(default))
    called = str(getattr(form_field, "label", None) or label(name))
    return Input(called, plain(value), None if same else shown, not same)


def _same(value: Any, default: Any) -> bool:
    """Whether both read alike: a stored date is a text. An empty field was left as it is."""
    if _is_blank(value) and _is_blank(default):
        return True
    return value == default or str(value) == str(default)


def _is_blank(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _told(default: Any) -> Any:
    return default if isinstance(default, str | int | float | list | dict) else str(default)
