"""The filters of the admin's list of jobs. None of them asks the table what there is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from headway import users
from headway.kinds import registry
from headway.models import ACTIVE, Job, Status, Via

BADLY = (Status.FAILED, Status.LOST)
GROUPS = {"active": (_("Active"), tuple(ACTIVE)), "badly": (_("Ended badly"), BADLY)}
DAYS = {"today": (0, 1), "yesterday": (-1, 0), "week": (-6, 1), "month": (-29, 1)}
"""Midnights, as days from that of today, between which a job was started."""
SUGGESTED = 10
"""Names that are offered at once at most."""


class Filter(SimpleListFilter):
    """Whose values are known beforehand."""

    column = ""

    def has_output(self) -> bool:
        return True


class Statuses(Filter):
    """One status, or several that belong together."""

    title, parameter_name = _("status"), "status"

    def lookups(self, *_: Any) -> list[tuple[str, Any]]:
        groups = [(value, label) for value, (label, _) in GROUPS.items()]
        return [*groups, *Status.choices]

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value == "active":
            # As a condition on the rows themselves, SQLite walks through all in their order
            active = Job.objects.active().order_by().values("pk")
            return queryset.filter(pk__in=active)
        if value in GROUPS:
            return queryset.filter(status__in=GROUPS[value][1])
        return queryset.filter(status=value) if value else queryset


class Kinds(Filter):
    """A kind by its title."""

    title, parameter_name = _("kind"), "kind"

    def lookups(self, *_: Any) -> list[tuple[str, Any]]:
        return [(kind.name, kind.title) for kind in registry.kinds().values()]

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class When(Filter):
    """Days of the viewer's time zone."""

    title, parameter_name, column = _("created"), "when", "created_at"

    def lookups(self, *asked: Any) -> list[tuple[str, Any]]:
        del asked
        labels = (_("Today"), _("Yesterday"), _("Last 7 days"), _("Last 30 days"))
        return list(zip(DAYS, labels, strict=True))

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        if self.value() not in DAYS:
            return queryset.none()
        first, last = DAYS[str(self.value())]
        wanted: dict[str, Any] = {f"{self.column}__gte": _midnight(first)}
        return queryset.filter(**wanted, **{f"{self.column}__lt": _midnight(last)})


class WhenDone(When):
    """The same of what was done."""

    title, column = _("time"), "at"


class Ways(Filter):
    """By which way something was done."""

    title, parameter_name = _("way"), "via"

    def lookups(self, *_: Any) -> list[tuple[str, Any]]:
        return Via.choices

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(via=self.value()) if self.value() else queryset


class Revoked(Filter):
    """Tokens that are worthless now, or that are not."""

    title, parameter_name = _("revoked"), "revoked"

    def lookups(self, *asked: Any) -> list[tuple[str, Any]]:
        del asked
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(revoked_at__isnull=value == "no") if value else queryset


class Person(Filter):
    """Somebody by name, which can be typed in; people may be in another database."""

    title, parameter_name, column = _("owner"), "owner", "owner_id"
    template = "admin/headway/person_filter.html"
    others: tuple[tuple[str, str], ...] = ()

    def lookups(self, *_: Any) -> list[tuple[str, Any]]:
        return []

    def choices(self, changelist: Any) -> Iterator[Any]:
        kept = {**changelist.params}
        self.others = tuple(
            (name, value) for name, value in kept.items() if name not in ("p", self.parameter_name)
        )
        return iter(())

    def queryset(self, _: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        name = self.value()
        if not name:
            return queryset
        person = users.named(name)
        return queryset.filter(**{self.column: person.pk}) if person else queryset.none()


class Doer(Person):
    """Who did something."""

    title, parameter_name, column = _("person"), "who", "by_id"


def suggestions(text: str) -> HttpResponse:
    """Options of people whose names begin with `text`."""
    field = users.name_field()
    people: QuerySet[Model] = users.manager().filter(**{f"{field}__startswith": text})
    names = people.order_by(field).values_list(field)[:SUGGESTED] if "\0" not in text else []
    return HttpResponse(format_html_join("", '<option value="{}"></option>', names))


def _midnight(days: int) -> datetime:
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    return timezone.make_aware((today + timedelta(days=days)).replace(tzinfo=None))
