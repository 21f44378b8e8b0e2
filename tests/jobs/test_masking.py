"""What counts as a secret, and how it is sealed and masked, without a job."""

import json
from typing import Annotated

import pytest
from django import forms
from pytest_django import Settings

from headway import Secret
from headway.kinds import parameters, secrets
from headway.kinds.masking import MASK, Mask
from headway.kinds.sealing import UnreadableError, seal, unseal

PASSWORD = "hunter2-and-3"


def test_what_is_no_sealed_value_is_unreadable() -> None:
    assert unseal(seal({"a": [1]})) == {"a": [1]}
    for text in ("", "gAAAAA", 3, None):
        with pytest.raises(UnreadableError):
            unseal(text)  # type: ignore[arg-type]  # as a forged message may have it


@pytest.mark.parametrize(
    "name",
    ["password", "db_password", "PASSWORD", "smtpPassword", "token", "api_key", "apiKey", "API-KEY"]  # noqa: RUF005
    + ["client_secret", "aws_secret_access_key", "passphrase", "private_key", "authToken", "pin"],
)
def test_names_that_look_secret(name: str) -> None:
    assert secrets.looks_secret(name)


@pytest.mark.parametrize("name", ["user", "max_tokens", "monkey", "author", "keyword", "spinner"])
def test_names_that_do_not(name: str) -> None:
    assert not secrets.looks_secret(name)


def test_the_names_are_a_setting(settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"SECRET_PARAMETERS": ["user"]}
    assert secrets.looks_secret("user")
    assert not secrets.looks_secret("password")


def test_a_secret_within_a_parameter_hides_all_of_it() -> None:
    params = {"options": {"hosts": [{"db_password": "x"}]}, "show_password": True, "token": ""}
    kept = secrets.split((), params, {})
    assert kept["params"] == {"options": MASK, "show_password": True, "token": ""}
    assert unseal(kept["secrets"]) == {"options": params["options"]}


def test_annotations_mark_secrets() -> None:
    def function(
        a: Annotated[str, Secret],
        b: Annotated[int | None, "Help", Secret] = None,
        c: Annotated[str, Secret()] | None = None,
        d: "Annotated[Unknown, Secret]" = "",  # type: ignore[name-defined]  # noqa: F821
        e: str = "Secret",
        password: str = "sk-default",  # noqa: S107 - none
    ) -> None: ...

    takes = parameters.signature(function)
    assert parameters.marked(takes) == {"a", "b", "c", "d"}
    form = parameters.form(takes)
    fields = form.base_fields
    hidden = [n for n in fields if isinstance(fields[n].widget, forms.PasswordInput)]
    assert hidden == ["a", "b", "c", "d", "password"]
    assert [name for name in fields if fields[name].required] == ["a"]
    assert "sk-default" not in str(form())
    filled = form({"a": "x", "e": "y"})
    assert filled.is_valid()
    assert filled.cleaned_data == {"a": "x", "e": "y"}  # the function's own defaults count


class ChoosyForm(forms.Form):
    token = forms.ChoiceField(choices=[("a", "A")])


def test_a_message_that_repeats_a_secret_is_masked() -> None:
    form = ChoosyForm({"token": PASSWORD})
    assert PASSWORD in str(form.errors)
    secrets.hush(form, secrets.fields(form))
    assert form.errors["token"] == [
        f"Select a valid choice. {MASK} is not one of the available choices."
    ]


def test_only_arguments_of_jobs_are_sealed_however_deep_they_are() -> None:
    def task(name: str, kwargs: dict[str, object]) -> dict[str, object]:
        return {"task": name, "args": [1], "kwargs": kwargs}

    ours, others = task("ours", {"password": PASSWORD, "n": 1}), task("other", {"password": "x"})
    group = task("celery.group", {"tasks": [ours, others]})
    known = {"ours": {"password"}}
    closed = secrets.closed({"link": [group]}, known.get)
    inner, *rest = closed["link"][0]["kwargs"]["tasks"]
    assert rest == [others]
    assert PASSWORD not in str(inner)
    assert secrets.opened(inner["kwargs"]) == ours["kwargs"]
    assert [unseal(each[secrets.SEALED]) for each in inner["args"]] == [1]
    assert secrets.closed(closed, known.get) == closed
    assert PASSWORD not in str(secrets.masked(closed))


@pytest.mark.parametrize(
    "text",
    ["hunter2 & co", repr("hunter2 & co\\n")[1:-1], "hunter2%20%26%20co", "hunter2+%26+co"]  # noqa: RUF005
    + [json.dumps("hunter2 & co")],
)
def test_masks_know_how_texts_are_written(text: str) -> None:
    assert "hunter2" not in Mask(["hunter2 & co"]).text(f"as root:{text}@db")


def test_masks_know_lines_and_lists_and_leave_short_values_alone() -> None:
    mask = Mask([{"pem": "-----BEGIN-----\nMIIEvQIBADAN\n-----END-----"}, ["1", 98765, None, True]])
    assert (
        mask.text("bad line MIIEvQIBADAN, pin 98765, 1 True")
        == f"bad line {MASK}, pin {MASK}, 1 True"
    )
    assert Mask().json({"a": "b"}) == {"a": "b"}
