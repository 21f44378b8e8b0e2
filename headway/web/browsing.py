"""The admin's read-only lists, and who may browse them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from headway import users
from headway.lifecycle import snapshots
from headway.policy import policy
from headway.web.formatting import at, exact
from headway.web.presenters import Shown

CAP = 10_000
"""Rows that are counted at most, and can be paged through."""
MAX_OWNERS = 10_000
"""Of whom a search finds the jobs."""
M = TypeVar("M", bound=Model)


class Capped(Paginator):  # type: ignore[type-arg]  # generic to the type checker alone
    """Counts to CAP: no page reads the whole table for the sake of a number."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: CAP + 1].count())


def with_owners_called(name: str, found: QuerySet[M], rows: QuerySet[M]) -> QuerySet[M]:
    """What a search has `found` among `rows`, and those whose owners' names have all of its words
    in them. Two queries, as above."""
    if not name.strip():
        return found
    people = users.manager().all()
    for word in name.split():
        people = people.filter(**{f"{users.name_field()}__icontains": word})
    keys = [*people.values_list("pk", flat=True)[:MAX_OWNERS]]
    return found | rows.filter(owner_id__in=keys)


def moment(field: str, name: Any, write: Callable[[datetime], str] = at) -> Any:
    """A column with the time in a field, by default as short as in the list of jobs."""

    @admin.display(description=name, ordering=field)
    def shown(row: Model) -> str:
        value = getattr(row, field)
        return write(value) if value else "-"

    shown.__name__ = field
    return shown


CREATED = moment("created_at", _("created at"), exact)
RAN = (
    moment("started_at", _("began at"), exact),
    moment("finished_at", _("ended at"), exact),
)
"""Of a job or of an attempt, on its own page."""


class List(ChangeList):
    """A list that takes a filter with a NUL, which no database can look for, for a wrong one."""

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        wanted: dict[str, Any] = super().get_filters_params(params)
        if any("\0" in value for values in wanted.values() for value in values):
            raise IncorrectLookupParameters
        return wanted


class LiveChangeList(List):
    """Reads where the jobs on the page are, and knows whether any of them is still active."""

    polls = capped = False

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.capped = self.result_count > CAP
        jobs = list(self.result_list)
        cursor, states = snapshots.live(jobs)
        for job in jobs:
            snap = snapshots.snapshot(job, states.get(str(job.pk)))
            job.shown = Shown(job, snap, cursor, request.user)
        self.result_list = jobs
        self.polls = any(job.is_active for job in jobs)


# Generic to the type checker alone: projects need not patch Django for us
class ReadOnly(BaseModelAdmin):  # type: ignore[type-arg]
    """Jobs change through verbs, and the janitor prunes them by age, so nobody adds, edits or
    deletes here. Who may look, cancel and retry is for the policy to say."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del request, obj
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        del request, kwargs
        return List


class Browsed(ReadOnly):
    """For those who may look through the history of all jobs."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return policy.may_browse(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del obj  # one that the policy hides is not found
        return policy.may_browse(request.user)
