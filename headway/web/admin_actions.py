"""What the admin does to jobs: to few of them at once, to many by a job of its own."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from headway import users
from headway.lifecycle import actions, audit, bulk, undo
from headway.lifecycle.actions import ActionError
from headway.lifecycle.bulk import Selection
from headway.models import Job, Via
from headway.policy import policy
from headway.web import origins
from headway.web.views import many

AT_ONCE = 100
"""Jobs that are dealt with before the answer."""
LISTED = "admin"
"""The question that the admin's list is (headway/admin.py)."""


# Generic to the type checker alone
class ManyActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """Actions on jobs. Rights are asked for each job when it is its turn."""

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Whether cancel and retry are offered."""
        return policy.may_operate(request.user)

    def has_remove_permission(self, request: HttpRequest) -> bool:
        """Whether deletion is offered."""
        return policy.may_remove(request.user)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether an export is offered."""
        return policy.may_export(request.user)

    @admin.action(description=_("Cancel selected jobs"), permissions=["operate"])
    def cancel_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        return self._some(request, queryset, "cancel")

    @admin.action(description=_("Retry selected jobs"), permissions=["operate"])
    def retry_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        return self._some(request, queryset, "retry")

    @admin.action(description=_("Undo cancel or retry"), permissions=["operate"])
    def undo_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        self.each(request, queryset[:AT_ONCE], undo.undo)

    @admin.action(description=_("Delete selected jobs"), permissions=["remove"])
    def delete_jobs(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        del queryset
        return self._many(request, "delete", "delete_jobs")

    @admin.action(description=_("Export selected jobs as CSV"), permissions=["export"])
    def export_csv(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        del queryset
        self._export(request, "csv")

    @admin.action(description=_("Export selected jobs as JSON lines"), permissions=["export"])
    def export_jsonl(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        del queryset
        self._export(request, "jsonl")

    def has_erase_permission(self, request: HttpRequest) -> bool:
        """Whether what is kept of a person is offered to be exported and erased."""
        return policy.may_erase(request.user)

    @admin.action(description=_("Export all data of the jobs' owner"), permissions=["erase"])
    def export_person(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        if owner := self._one_owner(request, queryset):
            self._started(request, lambda: bulk.about_person("export", owner, request.user))

    @admin.action(description=_("Erase all data of the jobs' owner"), permissions=["erase"])
    def erase_person(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        owner = self._one_owner(request, queryset)
        if owner is None:
            return None
        if request.POST.get("confirmed"):
            self._started(request, lambda: bulk.about_person("erase", owner, request.user))
            return None
        number = bulk.counted(Job.objects.filter(owner_id=owner.pk).count())
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Erase all data of {owner}?").format(owner=owner),
            "number": number,
            "opts": self.opts,
            "label": gettext("Erase"),
            "action": "erase_person",
            "across": request.POST.get("select_across", "0"),
            "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "box": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/headway/job/many.html", context)

    def _one_owner(self, request: HttpRequest, queryset: QuerySet[Job]) -> Any:
        """The owner of all ticked jobs; None, and a message, where there are several."""
        owners = queryset.order_by().values_list("owner_id", flat=True).distinct()[:2]
        known = [key for key in owners if key is not None]
        person = users.manager().filter(pk=known[0]).first() if len(known) == 1 else None
        if person is None:
            self.message_user(request, gettext("Tick jobs of one person."), messages.WARNING)
        return person

    def _some(
        self, request: HttpRequest, queryset: QuerySet[Job], verb: str
    ) -> HttpResponse | None:
        if len(queryset.order_by().values_list("pk")[: AT_ONCE + 1]) > AT_ONCE:
            return self._many(request, verb, f"{verb}_jobs")
        self.each(request, queryset, bulk.VERBS[verb][1], offers_undo=True)
        return None

    def _many(self, request: HttpRequest, verb: str, action: str) -> HttpResponse | None:
        """Asks once, with the number; then starts the job that does it."""
        selection = _selected(request)
        if not request.POST.get("confirmed"):
            number = selection.count(request.user)
            context = {
                **self.admin_site.each_context(request),
                **(asked := many.asking(verb, selection, number, request.user)),
                "title": f"{asked['label']} {asked['number']}?",
                "opts": self.opts,
                "action": action,
                "across": request.POST.get("select_across", "0"),
                "ticked": request.POST.getlist(ACTION_CHECKBOX_NAME),
                "box": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/headway/job/many.html", context)
        token = request.POST.get("token")
        self._started(request, lambda: bulk.start(verb, selection, request.user, token))
        return None

    def _export(self, request: HttpRequest, name: str) -> None:
        selection = _selected(request)
        self._started(request, lambda: bulk.export(name, selection, request.user))

    def _started(self, request: HttpRequest, start: Callable[[], Job]) -> None:
        try:
            with audit.coming_from(origins.of(request, Via.ADMIN)):
                job = start()
        except ActionError as error:
            self.message_user(request, str(error), messages.WARNING)
        else:
            link = gettext('<a href="{}">{}</a> runs as a job of its own.')
            said = format_html(link, job.get_absolute_url(), job.title)
            self.message_user(request, said, messages.SUCCESS)

    def each(
        self,
        request: HttpRequest,
        jobs: Iterable[Job],
        verb: Callable[..., Job],
        *,
        offers_undo: bool = False,
    ) -> None:
        """Applies a verb to each job and says in one message what became of them."""
        became, refused, done = Counter[str](), Counter[str](), list[Job]()
        with audit.coming_from(origins.of(request, Via.ADMIN)):
            for job in jobs:
                try:
                    now = verb(job, by=request.user)
                except actions.ActionError as error:
                    refused[str(error)] += 1
                else:
                    became[now.get_status_display().lower()] += 1
                    done.append(now)
        said = [_counted(number, status) for status, number in became.items()]
        said += [
            _counted(number, gettext("not changed: {why}").format(why=why))
            for why, number in refused.items()
        ]
        level = messages.WARNING if refused else messages.SUCCESS
        text = " ".join(said) or gettext("Nothing was selected.")
        back = [job.pk for job in done if undo.verb_of(job)] if offers_undo else []
        self.message_user(request, _with_undo(request, text, back) if back else text, level)


def _with_undo(request: HttpRequest, text: str, back: Iterable[Any]) -> SafeString:
    """A message with a button that takes back what was done to these jobs."""
    form = (
        '{} <form class="undo" method="post" action="{}"><input type="hidden" name="{}" value="{}">'
        '<input type="hidden" name="action" value="undo_jobs">{}<button>{}</button></form>'
    )
    ticks = format_html_join(
        "",
        f'<input type="hidden" name="{ACTION_CHECKBOX_NAME}" value="{{}}">',
        ((pk,) for pk in back),
    )
    offer = ngettext("Undo, for {number} second", "Undo, for {number} seconds", undo.SECONDS)
    names = (reverse("admin:headway_job_changelist"), "csrfmiddlewaretoken", get_token(request))
    return format_html(form, text, *names, ticks, offer.format(number=undo.SECONDS))


def _selected(request: HttpRequest) -> Selection:
    """What is ticked, or with "all that match" the question of the list itself."""
    if request.POST.get("select_across") == "1":
        return Selection(name=LISTED, text=request.GET.urlencode())
    return Selection(ids=request.POST.getlist(ACTION_CHECKBOX_NAME))


def _counted(number: int, what: Any) -> str:
    told = ngettext("{number} job {what}.", "{number} jobs {what}.", number)
    return told.format(number=number, what=what.removesuffix("."))
