"""The registry: every job task of every installed app, described."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django import forms
from django.core.checks import run_checks
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy, override

from headway import job_task
from headway.kinds import registry
from headway.lifecycle import actions
from headway.lifecycle.snapshots import snapshot
from tests.jobs import kinds, parameter_kinds


def test_the_tasks_of_installed_apps_are_found() -> None:
    assert {"import-csv", "checksum-archive", "simulate"} <= registry.kinds().keys()


def test_a_kind_is_described_by_title_and_first_paragraph() -> None:
    kind = registry.get("add")
    assert (kind.name, kind.title, kind.description) == (
        "add",
        "Add two numbers",
        "Adds two numbers.",
    )
    assert kind.task.name == kinds.add.name


def test_a_title_is_made_of_the_name() -> None:
    assert registry.get("kills-its-worker").title == "Kills its worker"


def test_kinds_come_in_the_order_of_their_titles() -> None:
    titles = [kind.title for kind in registry.kinds().values()]
    assert titles == sorted(titles)


def test_a_given_form_is_used() -> None:
    class Form(forms.Form):
        a = forms.IntegerField()

    @job_task(form=Form)
    def with_a_form(a: int) -> None:
        del a

    assert registry.get("with-a-form").form_class is Form


def test_an_unknown_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.get("nonsense")


def test_celery_tasks_that_are_no_jobs_are_not_kinds() -> None:
    assert not [name for name in registry.kinds() if name.startswith("celery")]


@pytest.mark.django_db  # whose features Django's own checks ask for
def test_two_tasks_of_one_name_are_refused_at_the_start() -> None:
    @job_task(name="another.add")
    def add() -> None: ...

    try:
        (error,) = run_checks()
        assert "another.add" in error.msg
        assert error.msg.endswith("Rename one, or give it a name by kind=.")
        assert registry.get("add").task.name == kinds.add.name
    finally:
        add.app.tasks.unregister(add.name)


async def waits() -> None: ...


def yields() -> Iterator[int]:
    yield 1


def plain() -> None: ...


def größe() -> None: ...


@pytest.mark.parametrize(
    ("function", "options", "sentence"),
    [
        (waits, {}, "waits: Celery cannot run an async function; call asgiref.sync.async_to_sync"),
        (yields, {}, "yields: a job's function returns its result, it cannot yield"),
        (parameter_kinds.Colour, {}, "Colour: a job is a function"),
        (plain, {"kind": "not a slug"}, "plain: kind='not a slug': use 1 to 100 letters"),
        (größe, {}, "größe: kind='größe': use 1 to 100 letters"),
        (plain, {"kind": 5.5}, "plain: kind=5.5: use 1 to 100 letters"),
        (plain, {"title": "T" * 201}, "plain: the title has 201 characters, use 200 at most"),
        (plain, {"form": forms.Form()}, "give the class of a Django form"),
        (plain, {"form": "Form"}, "plain: form='Form': give the class of a Django form"),
        (plain, {"max_attempts": 0}, "plain: max_attempts=0: use a whole number from 1"),
        (plain, {"says": "Reading"}, "says='Reading': give a tuple of texts, each marked by"),
        (plain, {"max_attempts": "3"}, "plain: max_attempts='3': use a whole number from 1"),
    ],
)
def test_what_could_only_fail_later_is_refused(
    function: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(sentence)):
        job_task(**options)(function)


class Moments(forms.Form):
    when = forms.SplitDateTimeField(initial=timezone.now)


@job_task(form=Moments)
def at_a_moment(when: datetime) -> None:
    del when


@pytest.fixture
def moments() -> registry.Kind:
    return registry.get("at-a-moment")


@pytest.mark.parametrize("text", ["2026-01-02T10:30:00+00:00", "2026-01-02 10:30"])
def test_a_field_of_several_widgets_takes_one_text(moments: registry.Kind, text: str) -> None:
    form = moments.fill({"when": text})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["when"] == datetime(2026, 1, 2, 10, 30, tzinfo=UTC)
    page = str(moments.form_class(initial=moments.shown({"when": text})))
    assert 'value="2026-01-02"' in page
    assert 'value="10:30:00"' in page


def test_nonsense_for_several_widgets_is_shown_and_refused(moments: registry.Kind) -> None:
    assert 'value="soon"' in str(moments.form_class(initial=moments.shown({"when": "soon"})))
    assert moments.fill({"when": "soon"}).errors["when"][0] == "Enter a valid date."


def test_parts_may_be_given_as_a_list(moments: registry.Kind) -> None:
    assert moments.fill({"when": ["2026-01-02", "10:30"]}).is_valid()


def test_what_is_left_out_gets_the_initial_value_that_a_function_gives(
    moments: registry.Kind,
) -> None:
    assert moments.fill({}).is_valid()


@job_task(title=gettext_lazy("Remove"), unit=gettext_lazy("Items"))
def in_their_language() -> None: ...


def test_title_and_unit_may_be_translated(db: None) -> None:
    del db
    with override("de"):
        job = actions.start("in-their-language", {}, publish=False)
        told = json.loads(json.dumps(snapshot(job, None)))
        assert "in-their-language" in registry.kinds()
        assert (told["title"], told["unit"]) == (gettext("Remove"), gettext("Items"))
    assert type(job.title) is str
