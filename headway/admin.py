"""The history of jobs for staff: read, filter, search, watch, cancel and retry; nothing to edit."""

import contextlib
import json
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.forms import CheckboxInput
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from headway.kinds import secrets
from headway.lifecycle import actions
from headway.models import ApiToken, Attempt, Job
from headway.policy import policy
from headway.web import tokens
from headway.web.browsing import (
    Browsed,
    LiveChangeList,
    Owners,
    ReadOnly,
    with_owners_called,
)
from headway.web.examining import examination_page
from headway.web.formatting import duration
from headway.web.presenters import Shown, show
from headway.web.responses import STOP_POLLING


class AttemptInline(Browsed, admin.StackedInline):  # type: ignore[type-arg]  # no generic at run time
    """Every run of the job, with the traceback that its owner does not see."""

    model = Attempt
    extra = 0
    ordering = ("-number",)
    fields = ("status", "worker", "started_at", "finished_at", "reason", "traceback", "log")
    readonly_fields = ("traceback", "log")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = policy.may_see_tracebacks(request.user, obj)
        return [each for each in self.fields if shown or each != "traceback"]

    @admin.display(description="Traceback")
    def traceback(self, attempt: Attempt) -> str:
        return _preformatted(attempt.error)

    @admin.display(description="Log")
    def log(self, attempt: Attempt) -> str:
        return _preformatted("\n".join(line["text"] for line in attempt.lines))


@admin.register(Job)
class JobAdmin(Browsed, admin.ModelAdmin):  # type: ignore[type-arg]  # the same
    """The list fetches itself again every two seconds while a job on it is active."""

    list_display = ("name", "state", "bar", "owner", "duration", "created")
    list_display_links = None
    list_filter = ("status", "kind", "created_at", ("owner", Owners))
    list_select_related = ()
    list_per_page = 50
    search_fields = ("title", "reason", "attempts__reason")
    search_help_text = "Id, title, owner, reason, the reference of an error, or a parameter"
    date_hierarchy = "created_at"
    actions = ("cancel_jobs", "retry_jobs")
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("title", "state", "bar", "reason", "page")}),
        ("Asked for", {"fields": ("owner", "kind", "params", "asked", "queue", "created_at")}),
        (
            "Run",
            {"fields": ("attempt", "attempts_left", "worker", "started_at", "finished_at")},
        ),
        ("Outcome", {"fields": ("result", "files", "warning_count")}),
    )
    readonly_fields = ("state", "bar", "page", "asked", "attempts_left")

    class Media:
        css = {"all": ("headway/bar.css", "headway/admin.css")}  # noqa: RUF012 - Django's own convention
        js = ("headway/htmx.min.js", Script("headway/live/still.js", type="module"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.doctor)
        return [path("doctor/", view, name="headway_job_doctor"), *super().get_urls()]

    def doctor(self, request: HttpRequest) -> HttpResponse:
        """What proxies do to the site's streams."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return examination_page(request, self.admin_site.each_context(request))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = policy.visible(super().get_queryset(request), request.user)
        return jobs.prefetch_related("owner").alias(params_text=Cast("params", TextField()))

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        """Parameters are searched by those who may see them."""
        inputs = ["params_text"] if policy.may_see_inputs(request.user, None) else []
        return [*self.search_fields, *inputs]

    def get_fieldsets(self, request: HttpRequest, obj: Job | None = None) -> Any:
        """Without the parameters, for those who may not see them."""
        shown = policy.may_see_inputs(request.user, obj)
        return [
            (name, {"fields": [each for each in options["fields"] if shown or each != "params"]})
            for name, options in self.fieldsets
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Job], search_term: str
    ) -> tuple[QuerySet[Job], bool]:
        """An id finds its job, however the database writes ids; other words search the fields."""
        with contextlib.suppress(ValueError):
            return queryset.filter(pk=uuid.UUID(search_term.strip())), False
        found, often = super().get_search_results(request, queryset, search_term)
        if not search_term.isascii():  # SQLite keeps JSON as it is written, in ASCII
            escaped = json.dumps(search_term)[1:-1]
            found |= super().get_search_results(request, queryset, escaped)[0]
        return with_owners_called(search_term, found, queryset), often

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        del request, kwargs
        return LiveChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; htmx, which polls it, is told to stop once nothing on it is active."""
        response = super().changelist_view(request, extra_context)
        if request.headers.get("HX-Request") and isinstance(response, TemplateResponse):
            change_list = (response.context_data or {}).get("cl")
            if change_list is not None and not change_list.polls:
                response.status_code = STOP_POLLING
        return response

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether the actions are offered; each job asks once more."""
        return policy.may_operate(request.user)

    # An id and hx-preserve keep a tick where it is while rows come and go below it.
    @admin.display(description=SafeString('<input type="checkbox" id="action-toggle">'))
    def action_checkbox(self, obj: Job) -> SafeString:
        attributes = {
            "class": "action-select",
            "id": f"select-{obj.pk}",
            "hx-preserve": "true",
            "aria-label": f"Select {obj.title} {obj.pk}",
        }
        box = CheckboxInput(attributes, lambda _value: False)
        return box.render(ACTION_CHECKBOX_NAME, str(obj.pk))

    @admin.display(description="Job", ordering="title")
    def name(self, job: Job) -> SafeString:
        hint = _shown(job).hint
        # The id lets htmx give the focus back after a poll.
        return format_html(
            '<a id="job-{0}" href="{0}/change/">{1}</a> <span class="quiet">{2}</span>',
            job.pk,
            job.title,
            hint,
        )

    @admin.display(description="Status", ordering="status")
    def state(self, job: Job) -> SafeString:
        return format_html(
            '<span data-status="{}"><span class="badge">{}</span></span>',
            job.status,
            job.get_status_display(),
        )

    @admin.display(description="Progress", ordering="percent")
    def bar(self, job: Job) -> SafeString:
        return render_to_string("admin/headway/job/bar.html", {"item": _shown(job)})

    @admin.display(description="Duration")
    def duration(self, job: Job) -> str:
        return duration(_shown(job).elapsed)

    @admin.display(description="Created", ordering="created_at")
    def created(self, job: Job) -> str:
        return date_format(timezone.localtime(job.created_at), "j M Y, H:i")

    @admin.display(description="Options")
    def asked(self, job: Job) -> str:
        return json.dumps(secrets.masked(job.options), ensure_ascii=False)

    @admin.display(description="Attempts left")
    def attempts_left(self, job: Job) -> str:
        """How often it is taken up again when its worker dies, as the row has it now: retries,
        deploys and Celery's own retries give more."""
        return str(max(0, job.max_attempts - job.attempt))

    @admin.display(description="Page")
    def page(self, job: Job) -> SafeString:
        return format_html('<a href="{0}">{0}</a>', job.get_absolute_url())

    @admin.action(description="Cancel selected jobs", permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._each(request, queryset, actions.cancel)

    @admin.action(description="Retry selected jobs", permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self._each(request, queryset, actions.retry)

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Job], verb: Callable[..., Job]
    ) -> None:
        """Applies a verb to each job and says in one message what became of them."""
        became, refused = Counter[str](), Counter[str]()
        for job in queryset:
            try:
                now = verb(job, by=request.user)
            except actions.ActionError as error:
                refused[str(error)] += 1
            else:
                became[now.get_status_display().lower()] += 1
        said = [_counted(number, status) for status, number in became.items()]
        said += [_counted(number, f"not changed: {why}") for why, number in refused.items()]
        level = messages.WARNING if refused else messages.SUCCESS
        self.message_user(request, " ".join(said) or "Nothing was selected.", level)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens are made by `manage.py token` and on the page of their owner, which show them once;
    here they are revoked, or deleted, as they are with their owner."""

    list_display = (
        *("id", "owner", "name", "scope"),
        *("created_at", "last_used_at", "expires_at", "revoked_at"),
    )
    list_select_related = ()
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name",)
    fields = list_display[1:]
    actions = ("revoke_tokens",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        found: QuerySet[ApiToken] = super().get_queryset(request)
        return found.prefetch_related("owner")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ApiToken], search_term: str
    ) -> tuple[QuerySet[ApiToken], bool]:
        """Names, and those of owners."""
        found, twice = super().get_search_results(request, queryset, search_term)
        return with_owners_called(search_term, found, queryset), twice

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of a user as well: Django refuses to delete one with what may not be deleted."""
        return admin.ModelAdmin.has_delete_permission(self, request, obj)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether this person may revoke."""
        return admin.ModelAdmin.has_change_permission(self, request)

    @admin.action(description="Revoke selected tokens", permissions=["operate"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        revoked = sum(tokens.revoke(token) for token in queryset)
        self.message_user(request, f"{revoked} revoked.", messages.SUCCESS)


def _counted(number: int, what: str) -> str:
    return f"{number} job{'' if number == 1 else 's'} {what.removesuffix('.')}."


def _shown(job: Job) -> Shown:
    """What the list has read for all its rows at once; for a single job it is read here."""
    known: Shown | None = getattr(job, "shown", None)
    return known or show([job.pk], AnonymousUser())[0]


def _preformatted(text: str) -> str:
    return format_html("<pre>{}</pre>", text) if text else "-"
