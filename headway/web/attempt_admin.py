"""The attempts of a job, on its page in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from headway.models import Attempt
from headway.policy import policy
from headway.web.browsing import RAN, Browsed
from headway.web.told import told


class AttemptInline(Browsed, admin.StackedInline):  # type: ignore[type-arg]  # no generic at run time
    """Every run of the job, with the traceback that its owner does not see."""

    model = Attempt
    extra = 0
    ordering = ("-number",)
    fields = ("status", "worker", *RAN, "why", "traceback", "log")
    readonly_fields = (*RAN, "why", "traceback", "log")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        shown = policy.may_see_tracebacks(request.user, obj)
        return [each for each in self.fields if shown or each != "traceback"]

    @admin.display(description=_("reason"))
    def why(self, attempt: Attempt) -> str:
        return format_html("<bdi>{}</bdi>", told(attempt.reason)) if attempt.reason else "-"

    @admin.display(description=_("Traceback"))
    def traceback(self, attempt: Attempt) -> str:
        return _preformatted(attempt.error)

    @admin.display(description=_("Log"))
    def log(self, attempt: Attempt) -> str:
        return _preformatted("\n".join(line["text"] for line in attempt.lines))


def _preformatted(text: str) -> str:
    return format_html("<pre>{}</pre>", text) if text else "-"
