"""Which parameters are secret. A job stores them separately, and its other parameters name
them."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from fnmatch import translate
from functools import cache
from typing import Any, get_args

from django import forms
from kombu.utils.json import loads

from headway.conf import conf
from headway.kinds.masking import MASK, Mask
from headway.kinds.sealing import UnreadableError, seal, unseal

SEALED = "sealed parameter"
"""The one key of what stands for a secret in the arguments of a task that is linked to a job."""
SIGNATURE = frozenset({"task", "args", "kwargs"})
"""Keys by which a Celery signature is known, once it is JSON."""


class Secret:
    """Marks a parameter whose value nobody is shown: `key: Annotated[str, Secret]`."""


class MissingError(Exception):
    """A job's secrets are gone or cannot be read; the message is a sentence for its user."""


def looks_secret(name: str) -> bool:
    """Whether a name matches one of the patterns of SECRET_PARAMETERS: apiKey and API-KEY do, as
    api_key does."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+", "_", name).lower()
    return bool(_one_of(tuple(conf.SECRET_PARAMETERS)).match(words))


@cache
def _one_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


def is_marked(annotation: Any) -> bool:
    """Whether `Secret` is in an annotation, or in its text where that cannot be resolved."""
    if isinstance(annotation, str):
        return bool(re.search(r"\bSecret\b", annotation))
    if annotation is Secret or isinstance(annotation, Secret):
        return True
    return any(is_marked(part) for part in get_args(annotation) if not isinstance(part, str))


def fields(form: type[forms.Form] | forms.Form) -> frozenset[str]:
    """The names of a form's fields for secrets: passwords, and what looks like one."""
    known: Mapping[str, forms.Field] = form.base_fields
    return frozenset(
        name
        for name, field in known.items()
        if isinstance(field.widget, forms.PasswordInput)
        or (looks_secret(name) and not isinstance(field, forms.BooleanField))
    )


def split(
    marked: Collection[str], params: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """The columns `params`, as any viewer may see it, and `secrets`: those among the parameters,
    sealed. With secrets in its Celery options alone a job has that column too: whoever erases it
    knows by it that there are some."""
    hidden = {name: value for name, value in params.items() if _is_secret(name, value, marked)}
    sealed = seal(hidden) if hidden or masked(options) != options else ""
    return {"params": {**params, **dict.fromkeys(hidden, MASK)}, "secrets": sealed}


def names(params: Mapping[str, Any]) -> list[str]:
    """Which of a job's parameters are kept apart."""
    return [name for name, value in params.items() if value == MASK]


def of(job: Any) -> dict[str, Any]:
    """A job's secrets by name. Raises MissingError when they were erased or the key has changed."""
    wanted = names(job.params)
    listed = ", ".join(name.replace("_", " ") for name in wanted) or "for the tasks that follow it"
    again = "Start another job like this one, and enter them again."
    if not job.secrets and (wanted or _mentions_mask(job.options)):
        raise MissingError(f"The secrets entered for this job ({listed}) have been erased. {again}")
    try:
        return unseal(job.secrets) if wanted else {}
    except UnreadableError:
        raise MissingError(
            f"The secrets entered for this job ({listed}) can no longer be read, because this site"
            f"'s key has changed. {again}"
        ) from None


def masked(value: Any) -> Any:
    """A JSON value without what looks secret in it, for people."""
    if isinstance(value, Mapping):
        if SEALED in value:
            return MASK
        return {
            name: MASK if _named_secret(name, each) else masked(each)
            for name, each in value.items()
        }
    return [masked(each) for each in value] if isinstance(value, list) else value


def closed(value: Any, marked: Callable[[str], Collection[str] | None]) -> Any:
    """Celery's options as JSON, with sealed secrets in the arguments of all signatures in them.
    `marked` gives a task's secret parameters, and None for what is no job's task.

    Positional arguments are sealed all: which is which is known when the task is called."""
    if isinstance(value, list):
        return [closed(each, marked) for each in value]
    if not isinstance(value, Mapping) or SEALED in value:
        return value
    inner = {name: closed(each, marked) for name, each in value.items()}
    if inner.keys() >= SIGNATURE and (found := marked(str(inner["task"]))) is not None:
        named = dict(inner["kwargs"] or {})
        secret = [name for name, each in named.items() if _is_secret(name, each, found)]
        inner["kwargs"] = named | {name: _sealed(named[name]) for name in secret}
        inner["args"] = [_sealed(each) if found else each for each in inner["args"] or ()]
    return inner


def opened(params: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with what `closed` has sealed among them. Raises UnreadableError."""
    return {name: _opened(v) if _is_sealed(v) else v for name, v in params.items()}


def hush(form: forms.Form, secret: Iterable[str]) -> None:
    """Masks what was entered as a secret in a form's messages: some repeat what they refuse."""
    mask = Mask(form.data.get(form.add_prefix(name)) for name in secret)
    for errors in form.errors.values():
        errors.data = [mask.text(str(each)) for each in errors]


def blank(form: forms.Form, secret: Iterable[str]) -> None:
    """Makes a form ask for secrets without showing any: neither its own nor what was entered."""
    data: Any = form.data
    form.data = data = data.copy()
    for name in form.fields.keys() & set(secret):
        field = form.fields[name]
        field.initial = form.initial[name] = None
        data[form.add_prefix(name)] = ""
        if type(field.widget) is forms.TextInput:
            field.widget = forms.PasswordInput(field.widget.attrs)
            field.widget.is_required = field.required
        field.widget.attrs.setdefault("autocomplete", "new-password")


def _is_secret(name: str, value: Any, marked: Collection[str]) -> bool:
    if value is None or value == "" or _is_sealed(value):
        return False
    return name in marked or value == MASK or _named_secret(name, value) or masked(value) != value


def _named_secret(name: str, value: Any) -> bool:
    """A flag is no secret, whatever it is called."""
    return value not in (None, "") and not isinstance(value, bool) and looks_secret(str(name))


def _is_sealed(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() == {SEALED}


def _opened(value: Mapping[str, Any]) -> Any:
    return loads(json.dumps(unseal(value[SEALED])))  # what JSON lacks, Celery has written its way


def _sealed(value: Any) -> dict[str, Any]:
    return value if _is_sealed(value) else {SEALED: seal(value)}


def _mentions_mask(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    return any(map(_mentions_mask, value)) if isinstance(value, list) else value == MASK
