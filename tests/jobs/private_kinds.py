"""Tasks that know, or say, what nobody is to read; the tests' worker loads this module."""

import sys
from typing import Annotated, Any, Literal

from django import forms
from django.core.exceptions import ValidationError
from django.db import OperationalError

from headway import JobError, Secret, job_task, progress

INSIDE = "connection to postgres://root:s3cr3t@10.0.0.5/prod failed"


class MuteError(Exception):
    """Has no text that could be asked for."""

    def __str__(self) -> str:
        raise RuntimeError(INSIDE)


@job_task(bind=True, max_retries=1)
def tells(self: Any, how: Literal["value", "database", "exit", "retry", "mute", "told"]) -> None:
    """Ends with an exception whose text tells of the inside, but for `told`."""
    if how == "exit":
        sys.exit(INSIDE)
    if how == "retry":
        raise self.retry(exc=ValueError(INSIDE), countdown=0)
    if how == "mute":
        progress.warn("row 1", ValueError(INSIDE))
        progress.log(OperationalError(INSIDE))
        progress.output(ValueError(INSIDE))
        progress.warn("row 2", JobError("It has no date."))
        progress.warn("row 3", ValidationError(["Too long.", "Too late."]))
        progress.update(1, 2, ValueError(INSIDE))  # type: ignore[arg-type]  # any value is taken
        raise MuteError
    if how == "told":
        raise JobError("Please choose another file.")
    raise (OperationalError if how == "database" else ValueError)(INSIDE)


class LoginForm(forms.Form):
    user = forms.CharField()
    door = forms.CharField(widget=forms.PasswordInput, strip=False)
    api_key = forms.CharField(max_length=60, required=False)
    port = forms.IntegerField(initial=22)


@job_task(form=LoginForm, max_attempts=2)
def log_in(user: str, door: str, api_key: str = "", port: int = 22) -> dict[str, Any]:
    """Knows two secrets, and says how long they are."""
    return {"user": user, "lengths": [len(door), len(api_key)], "port": port}


@job_task(max_attempts=2)
def indiscreet(
    password: str,
    how: Literal["value", "job", "retry", "returns"],
    key: Annotated[str, Secret] = "",
) -> Any:
    """Says its password wherever a task can say anything."""
    progress.phase(f"with {password}")
    progress.update(1, 2, f"message {password}")
    progress.log(f"log {password}")
    progress.warn("item", JobError(f"warning {password}"))
    progress.output(f"output {password}")
    list(progress.track([1], message=f"track {password}"))
    if how == "returns":
        return {"text": f"result {password}", "list": [password], "key": len(key)}
    raise (JobError if how == "job" else ValueError)(f"cannot sign in as root:{password!r}@db")


@job_task(bind=True)
def tries_again(self: Any, password: str, number: int) -> list[Any]:
    """Retries by itself, first for an error that says its password, then with another one."""
    if number < 1:
        raise self.retry(
            kwargs={"number": 1}, countdown=0, exc=ValueError(f"no entry with {password}")
        )
    if number < 2:
        raise self.retry(kwargs={"number": 2, "password": f"{password[:-1]}2"}, countdown=0)
    return [len(password), password == "sesame-2"]


@job_task
def receives(before: Any, password: str, key: Annotated[str, Secret] = "") -> list[int]:
    """What follows a job, with secrets of its own."""
    return [len(password), len(key)]


@job_task
def any_names(**params: Any) -> int:
    return len(params)
