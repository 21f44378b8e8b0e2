"""Parameters of every type: asked for in a form, stored as JSON, and given to the task again."""

import datetime
import json
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from django import forms
from django.contrib.auth.models import User
from django.core.validators import MinValueValidator
from django.utils import timezone
from django.utils.translation import override

from headway import job_task
from headway.kinds import parameters, registry
from headway.kinds.fields import MAX_WRONG, Lines
from headway.lifecycle import actions
from headway.models import Job, Status
from tests.jobs import parameter_kinds
from tests.jobs.parameter_kinds import Colour, Size
from tests.jobs.waiting import ended
from tests.pages.conftest import client_of
from tests.support.processes import wait_until

NOON = datetime.datetime(2026, 3, 29, 12, 0, 0, 500, tzinfo=datetime.UTC)
VALUES: dict[str, Any] = {
    "day": datetime.date(2026, 2, 28),
    "moment": NOON,
    "hour": datetime.time(23, 59, 59),
    "span": datetime.timedelta(days=-2, seconds=3, microseconds=4),
    "price": Decimal("10.10"),
    "key": UUID(int=7),
    "colour": Colour.GREEN,
    "size": "m",
    "days": [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)],
    "sizes": [Size.S, Size.L],
    "until": None,
    "options": {"deep": [1, {"a": None}]},
}


@pytest.mark.usefixtures("running")
def test_a_worker_gives_the_task_what_was_stored(alice: User) -> None:
    job = actions.start("takes-all", VALUES | {"user": alice}, owner=alice)
    assert json.loads(json.dumps(job.params)) == job.params
    assert job.params["user"] == alice.pk
    done = ended(job)
    assert (done.status, done.reason) == (Status.SUCCEEDED, "")
    assert done.result == {name: repr(value) for name, value in (VALUES | {"user": alice}).items()}


@pytest.mark.usefixtures("running")
def test_what_a_page_sends_arrives_as_what_it_is(alice: User) -> None:
    sent = {
        "day": "2026-02-28",
        "moment": "2026-03-29T12:00:01",
        "hour": "23:59",
        "price": "1.50",
        "span": "1 02:00:00",
        "key": str(UUID(int=7)),
        "colour": "red",
        "size": "s",
        "days": "2026-01-01\r\n\r\n 2026-01-02",
        "sizes": ["1", "3"],
        "until": "",
        "options": '{"a": 1}',
        "user": str(alice.pk),
    }
    answer = client_of(alice).post("/jobs/start/takes-all/", sent)
    assert answer.status_code == 303, answer.content.decode()
    done = ended(Job.objects.get())
    assert (done.status, done.reason) == (Status.SUCCEEDED, "")
    assert done.result is not None
    assert done.result["moment"].startswith("datetime.datetime(2026, 3, 29, 12, 0, 1, tzinfo=")
    assert done.result["days"] == repr(VALUES["days"])
    assert done.result["sizes"] == repr(VALUES["sizes"])
    assert done.result["user"] == repr(alice)
    again = client_of(alice).get(f"/jobs/start/takes-all/?like={done.pk}").content.decode()
    for shown in ("2026-02-28", "2026-03-29T12:00:01", "23:59:00", "2026-01-01\n2026-01-02"):
        assert shown in again


def test_a_program_sends_lists_and_objects(alice: User, valkey: Any) -> None:
    del valkey
    stored = actions.start("takes-all", VALUES | {"user": alice}).params
    answer = client_of(alice).post("/jobs/start/takes-all/", json.dumps(stored), "application/json")
    assert answer.status_code == 202, answer.content.decode()
    assert Job.objects.get(owner=alice).params == stored


def test_a_page_says_how_lists_and_objects_are_entered(alice: User) -> None:
    page = client_of(alice).get("/jobs/start/takes-all/").content.decode()
    assert "One per line." in page
    assert ">null<" not in page
    answer = client_of(alice).post("/jobs/start/takes-all/", {"options": "[1]", "days": "x"})
    assert "Enter a JSON object" in answer.content.decode()
    assert "x: Enter a valid date." in answer.content.decode()


def test_what_is_said_of_a_list_is_in_the_language_of_who_reads_it() -> None:
    """Forms are made once, for whoever comes first."""
    with override("de"):
        field = Lines(item=forms.CharField())
        assert str(field.help_text) == "Je Zeile ein Wert."
    assert str(field.help_text) == "One per line."


def test_a_novel_in_place_of_a_list_is_answered_briefly(alice: User) -> None:
    answer = client_of(alice).post("/jobs/start/takes-all/", {"days": "word\n" * 5_000})
    page = answer.content.decode()
    assert page.count("word: Enter a valid date.") == MAX_WRONG
    assert "What follows was not looked at." in page


@pytest.mark.usefixtures("running")
def test_a_row_that_is_gone_is_said_in_a_sentence(alice: User, bob: User) -> None:
    job = actions.start("takes-all", VALUES | {"user": bob}, owner=alice, options={"countdown": 2})
    key = bob.pk
    bob.delete()
    done = ended(job)
    assert (done.status, done.reason) == (Status.FAILED, f"User {key} no longer exists.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("day", NOON), ("day", "tomorrow"), ("day", None), ("moment", NOON.replace(tzinfo=None))],
        *[("price", Decimal("NaN")), ("price", 0.5), ("key", "7"), ("colour", "pink")],
        *[
            ("size", "xxl"),
            ("days", "2026-01-01"),
            ("days", [1]),
            ("options", [1]),
            ("user", User(pk=5)),
        ],
        *[("user", User()), ("user", Job()), ("span", 3)],
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(db: None, name: str, value: Any) -> None:
    params = VALUES | {"user": 1, name: value}
    with pytest.raises(actions.ActionError, match=rf"'{name}'"):
        actions.start("takes-all", params)
    assert not Job.objects.exists()


def test_equal_starts_are_known_by_their_parameters(alice: User, valkey: Any) -> None:
    del valkey
    params = VALUES | {"user": alice}
    first = actions.start("takes-all", params, owner=alice, key="once")
    assert actions.start("takes-all", params | {"user": alice.pk}, owner=alice, key="once") == first
    with pytest.raises(actions.KeyUsedError):
        actions.start("takes-all", params | {"day": NOON.date()}, owner=alice, key="once")


@pytest.mark.usefixtures("running")
def test_a_chain_hands_on_what_json_lacks(alice: User) -> None:
    after = parameter_kinds.takes_date.s(note="x", when=datetime.date(2026, 1, 3))
    result = parameter_kinds.gives_date.apply_async(owner=alice, link=after)
    ended(str(result.id))
    linked = Job.objects.filter(kind="takes-date")
    wait_until(linked.exists)
    done = ended(linked.get())
    assert done.result == [repr(datetime.date(2026, 1, 2)), repr(datetime.date(2026, 1, 3))]


def no_type(x: Path) -> None: ...
def bytes_in_a_list(x: list[bytes]) -> None: ...
def two_types(x: int | str) -> None: ...
def not_json(x: "Unstorable") -> None: ...
def not_here(x: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821
def by_default(x=()) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
def nested(x: Annotated[list[set[int]] | None, "Help"] = None) -> None: ...


class Unstorable(Enum):
    X = (1, object())


@pytest.mark.parametrize(
    "function",
    [no_type, bytes_in_a_list, two_types, not_json, not_here, by_default, nested],
)
def test_any_other_type_is_refused_at_import(function: Any) -> None:
    with pytest.raises(TypeError, match=rf"{function.__name__}: parameter 'x': "):
        job_task(function)


def test_a_return_type_that_is_not_known_hinders_nothing() -> None:
    def function(
        day: "datetime.date", x: "list[Annotated[int, MinValueValidator(1)]]"
    ) -> "Report": ...  # type: ignore[name-defined]  # noqa: F821

    form = parameters.form(parameters.signature(function))
    assert form({"day": "2026-01-01", "x": "1\n2"}).is_valid()
    wrong = form({"day": "2026-01-01", "x": "0\n2"})
    assert "x" in wrong.errors


class Fits(forms.Form):
    day = forms.DateField()
    until = forms.DateField(required=False)
    ratio = forms.IntegerField()
    file = forms.FileField()
    owner = forms.ModelChoiceField(User.objects.all())
    owners = forms.ModelMultipleChoiceField(User.objects.all())
    size = forms.ChoiceField(choices=[("s", "Small"), ("m", "Medium")])
    note = forms.CharField(required=False)


def test_a_form_that_fits_is_taken() -> None:
    def fits(
        day: datetime.date,
        until: datetime.date | None,
        ratio: float,
        file: str,
        owner: User,
        owners: list[User],
        size: Literal["s", "m"],
        note: str,
    ) -> None: ...

    assert registry._describe(job_task(form=Fits)(fits)).form_class is Fits


class DayField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        return datetime.date.fromisoformat(value)


def test_what_is_not_known_before_is_taken() -> None:
    class Own(forms.Form):
        day = DayField(required=False)
        size = forms.DateField()

        def clean_size(self) -> str:
            return str(self.cleaned_data["size"])

    def bound(self: Any, day: datetime.date, size: str) -> None: ...

    assert registry._describe(job_task(form=Own, bind=True)(bound)).form_class is Own


def form(**fields: forms.Field) -> type[forms.Form]:
    return type("SomeForm", (forms.Form,), fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"day": forms.DateTimeField()}, "'day' may give"),
        ({"day": forms.CharField()}, "'day' may give 'text'"),
        ({"day": forms.DateField(required=False)}, "'day' may give None"),
        ({"day": forms.ModelChoiceField(User.objects.all())}, "'day' may give"),
        ({"day": forms.ChoiceField(choices=[("x", "X")])}, "'day' may give 'x'"),
        ({"day": forms.DateField(), "more": forms.CharField()}, "it takes no more"),
        ({"size": forms.DecimalField(), "day": forms.DateField()}, "'size' may give"),
        ({"size": forms.CharField()}, "there is no field for day"),
    ],
)
def test_a_form_that_does_not_fit_is_refused_at_import(fields: Any, said: str) -> None:
    def fits_not(day: datetime.date, size: str = "") -> None: ...

    with pytest.raises(TypeError, match=f"fits_not and SomeForm: .*{said}"):
        job_task(form=form(**fields))(fits_not)


def test_naive_times_are_kept_where_the_site_uses_no_time_zones(settings: Any) -> None:
    settings.USE_TZ = False

    def function(at: datetime.datetime) -> None: ...

    takes, naive = parameters.signature(function), timezone.make_naive(NOON, datetime.UTC)
    stored = parameters.stored("x", takes, {"at": naive})
    assert parameters.revived(takes, stored) == {"at": naive}
