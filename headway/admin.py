"""The history of jobs for staff: read, filter, search, watch, cancel and retry; nothing to edit."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import CheckboxInput
from django.forms.widgets import Script
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    QueryDict,
)
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from headway.kinds import secrets
from headway.kinds.numbers import grouped
from headway.lifecycle import actions, bulk, undo
from headway.lifecycle.actions import ActionError
from headway.models import ApiToken, AuditEntry, Job
from headway.policy import policy
from headway.web import admin_filters, admin_search, token_admin, trail
from headway.web.admin_actions import LISTED, ManyActions
from headway.web.attempt_admin import AttemptInline
from headway.web.browsing import CREATED, RAN, Browsed, Capped, LiveChangeList
from headway.web.examining import examination_page
from headway.web.formatting import at, duration
from headway.web.outcomes import BARE
from headway.web.presenters import Shown, show
from headway.web.responses import STOP_POLLING
from headway.web.told import told

PAGE_VERBS = {"cancel": actions.cancel, "retry": actions.retry, "undo": undo.undo}
"""What is done at once on the page of a job."""


@admin.register(Job)
class JobAdmin(Browsed, ManyActions):
    """The list fetches itself again every two seconds while a job on it is active."""

    list_display = ("name", "state", "bar", "why", "owner", "duration", "created")
    list_display_links = None
    list_filter = (
        *(admin_filters.Statuses, admin_filters.When),
        *(admin_filters.Person, admin_filters.Kinds),
    )
    list_select_related = ()
    list_per_page = 50
    # No order but that of an index, and no number that takes the whole table
    sortable_by = ("created",)
    paginator = Capped
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("title",)  # that there is a search; admin_search.py has what it looks at
    search_help_text = format_lazy(
        _(
            "An id; or title, owner, reason, a parameter or a traceback among the newest {number}"
            " jobs that the filters leave"
        ),
        number=lazy(grouped, str)(admin_search.WINDOW),
    )
    actions = (
        "cancel_jobs",
        "retry_jobs",
        "undo_jobs",
        "delete_jobs",
        "export_csv",
        "export_jsonl",
        "export_person",
        "erase_person",
    )
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("title", "state", "bar", "why", "page")}),
        (_("Asked for"), {"fields": ("owner", "kind", "params", "asked", "queue", CREATED)}),
        (
            _("Run"),
            {"fields": ("attempt", "attempts_left", "worker", *RAN)},
        ),
        (_("Outcome"), {"fields": ("result", "files", "warning_count")}),
    )
    readonly_fields = ("state", "bar", "why", "page", "asked", "attempts_left", CREATED, *RAN)

    class Media:
        css = {"all": ("headway/bar.css", "headway/admin.css")}  # noqa: RUF012 - Django's own convention
        js = ("headway/htmx.min.js", Script("headway/live/still.js", type="module"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        jobs: QuerySet[Job] = policy.visible(super().get_queryset(request), request.user)
        return jobs.prefetch_related("owner")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By the filters alone: Django lets everyone ask for any column, inputs too."""
        known = {getattr(each, "parameter_name", each) for each in self.list_filter}
        return lookup.partition("__")[0] in known and super().lookup_allowed(lookup, value, request)

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
        """See admin_search.py."""
        if not search_term.strip():
            return queryset, False
        return admin_search.search(queryset, search_term, request.user), False

    def doctor(self, request: HttpRequest) -> HttpResponse:
        """What proxies do to the site's streams."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return examination_page(request, self.admin_site.each_context(request))

    def get_urls(self) -> list[Any]:
        known = self.admin_site.admin_view
        people = path("people/", known(self.people), name="headway_job_people")
        verb = path("<uuid:pk>/do/<slug:verb>/", known(self.verb_view), name="headway_job_verb")
        return [
            people,
            verb,
            path("doctor/", self.admin_site.admin_view(self.doctor), name="headway_job_doctor"),
            *super().get_urls(),
        ]

    def people(self, request: HttpRequest) -> HttpResponse:
        """Names for the filter of people, as they are typed."""
        if not (self.has_view_permission(request) or policy.may_see_trail(request.user, None)):
            raise PermissionDenied
        typed = request.GET.get("owner") or request.GET.get("who") or ""
        return admin_filters.suggestions(typed)

    def verb_view(self, request: HttpRequest, pk: Any, verb: str) -> HttpResponse:
        """Does a verb to the job of a page."""
        job = self.get_queryset(request).filter(pk=pk).first()
        if job is None or verb not in PAGE_VERBS or not self.has_view_permission(request):
            raise Http404
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        self.each(request, [job], PAGE_VERBS[verb])
        return HttpResponseRedirect(reverse("admin:headway_job_change", args=[pk]))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """A job, which fetches itself again while it is active, with what may be done to it."""
        context = dict(extra_context or {})
        job = self.get_object(request, object_id)
        for shown in show([job.pk] if job else [], request.user):
            context |= {"shown": shown, "polls": shown.is_active}
        response = super().change_view(request, object_id, form_url, context)
        return _polled(request, response, bool(context.get("polls")))

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What was done to the job, by whom."""
        del extra_context
        job = self.get_object(request, object_id)
        if job is None or not self.has_view_permission(request, job):
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("History: {title}").format(title=job.title),
            "entries": trail.of(job, request.user),
            "addresses": policy.may_see_trail(request.user, None),
            "object": job,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/headway/job/object_history.html", context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        del request, kwargs
        return LiveChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; htmx, which polls it, is told to stop once nothing on it is active."""
        response = super().changelist_view(request, extra_context)
        change_list = (getattr(response, "context_data", None) or {}).get("cl")
        return _polled(request, response, change_list is None or change_list.polls)

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

    @admin.display(description=_("Job"), ordering="title")
    def name(self, job: Job) -> SafeString:
        hint = _shown(job).hint
        # The id lets htmx give the focus back after a poll.
        return format_html(
            '<a id="job-{0}" href="{0}/change/">{1}</a> <span class="quiet">{2}</span>',
            job.pk,
            job.title,
            hint,
        )

    @admin.display(description=_("Status"), ordering="status")
    def state(self, job: Job) -> SafeString:
        return format_html(
            '<span data-status="{}"><span class="badge">{}</span></span>',
            job.status,
            job.get_status_display(),
        )

    @admin.display(description=_("Progress"), ordering="percent")
    def bar(self, job: Job) -> SafeString:
        return render_to_string("admin/headway/job/bar.html", {"item": _shown(job)})

    @admin.display(description=_("Reason"))
    def why(self, job: Job) -> SafeString:
        if not job.reason or job.reason == BARE:
            return self.get_empty_value_display()  # the page of a job would say "None"
        return format_html('<span class="why" dir="auto">{}</span>', told(job.reason))

    @admin.display(description=_("Duration"))
    def duration(self, job: Job) -> str:
        return duration(_shown(job).elapsed)

    @admin.display(description=_("Created"), ordering="created_at")
    def created(self, job: Job) -> str:
        return at(job.created_at)

    @admin.display(description=_("Options"))
    def asked(self, job: Job) -> str:
        return json.dumps(secrets.masked(job.options), ensure_ascii=False)

    @admin.display(description=_("Attempts left"))
    def attempts_left(self, job: Job) -> str:
        """How often it is taken up again when its worker dies, as the row has it now: retries,
        deploys and Celery's own retries give more."""
        return str(max(0, job.max_attempts - job.attempt))

    @admin.display(description=_("Page"))
    def page(self, job: Job) -> SafeString:
        return format_html('<a href="{0}">{0}</a>', job.get_absolute_url())


admin.site.register(ApiToken, token_admin.ApiTokenAdmin)
admin.site.register(AuditEntry, trail.TrailAdmin)


@bulk.question(LISTED)
def listed(text: str, user: Any) -> QuerySet[Job]:
    """What the list shows a person by its query string. Raises ActionError for a wrong one."""
    request = HttpRequest()
    request.method, request.GET, request.user = "GET", QueryDict(text), user
    jobs = admin.site.get_model_admin(Job)
    if not jobs.has_view_permission(request):
        return Job.objects.none()
    try:
        found: QuerySet[Job] = jobs.get_changelist_instance(request).get_queryset(request)
    except IncorrectLookupParameters:
        raise ActionError(
            gettext("This question cannot be asked: choose the filters again.")
        ) from None
    return found


def _polled(request: HttpRequest, response: HttpResponse, polls: bool) -> HttpResponse:
    """An answer, by which htmx is told to stop once nothing on the page is active."""
    if request.headers.get("HX-Request") and isinstance(response, TemplateResponse) and not polls:
        response.status_code = STOP_POLLING
    return response


def _shown(job: Job) -> Shown:
    """What the list has read for all its rows at once; for a single job it is read here."""
    known: Shown | None = getattr(job, "shown", None)
    return known or show([job.pk], AnonymousUser())[0]
