"""The audit trail: all of it in the admin, and a job's own part."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from headway.models import AuditEntry, Job
from headway.policy import policy
from headway.web.admin_filters import Doer, Ways, WhenDone
from headway.web.browsing import Capped, ReadOnly, moment
from headway.web.formatting import exact
from headway.web.told import told

SHOWN = 50
"""Entries of a job, the newest, that its page shows."""


def of(job: Job, user: Any) -> QuerySet[AuditEntry]:
    """What was done to a job, newest first, if a user may see that."""
    entries = AuditEntry.objects.filter(job_id=job.pk)
    return entries[:SHOWN] if policy.may_see_trail(user, job) else entries.none()


WHEN = moment("at", _("when"))
AT = moment("at", _("when"), exact)


class TrailAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]  # no generic at run time
    """Read only, for all who may see the trail of all."""

    list_display = (WHEN, "name", "did", "title", "became", "via", "address", "token")
    list_display_links = (WHEN,)
    list_filter = (Ways, WhenDone, Doer)
    list_per_page = 50
    list_select_related = ()
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    sortable_by = ()
    paginator = Capped
    search_fields = ("job_id",)
    search_help_text = _("Id of a job")
    fields = (AT, "did", "title", "kind", "job_id", "became", "name", "via", "address", "token")
    readonly_fields = (AT, "did", "became")

    class Media:
        css = {"all": ("headway/admin.css",)}  # noqa: RUF012 - Django's own convention

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """An id finds what was done to its job, also when that is gone."""
        del request
        if not search_term:
            return queryset, False
        try:
            return queryset.filter(job_id=search_term.strip()), False
        except ValidationError:
            return queryset.none(), False

    @admin.display(description=_("verb"))
    def did(self, entry: AuditEntry) -> str:
        return told(entry.verb)

    @admin.display(description=_("result"))
    def became(self, entry: AuditEntry) -> str:
        return told(entry.result)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return policy.may_see_trail(request.user, None)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        del obj
        return policy.may_see_trail(request.user, None)
