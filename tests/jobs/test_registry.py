"""The registry: every job task of every installed app, described."""

import pytest
from django import forms
from django.core.checks import run_checks

from headway import job_task
from headway.kinds import registry
from tests.jobs import kinds


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
