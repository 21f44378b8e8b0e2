"""API tokens in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from headway.models import ApiToken
from headway.web import tokens
from headway.web.admin_filters import Revoked
from headway.web.browsing import ReadOnly, moment, with_owners_called


class ApiTokenAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """Tokens are made by `manage.py token` and on the page of their owner, which show them once;
    here they are revoked, or deleted, as they are with their owner."""

    list_display = (
        *("id", "owner", "name", "scope"),
        *(moment("created_at", _("made")), moment("last_used_at", _("last used"))),
        *(moment("expires_at", _("expires")), moment("revoked_at", _("revoked"))),
    )
    list_select_related = ()
    list_filter = (Revoked,)
    search_fields = ("name",)
    fields = (
        *("owner", "name", "scope"),
        *("created_at", "last_used_at", "expires_at", "revoked_at"),
    )
    actions = ("revoke_tokens",)

    class Media:
        css = {"all": ("headway/admin.css",)}  # noqa: RUF012 - Django's own convention

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

    @admin.action(description=_("Revoke selected tokens"), permissions=["operate"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        revoked = sum(tokens.revoke(token) for token in queryset)
        self.message_user(
            request, gettext("{number} revoked.").format(number=revoked), messages.SUCCESS
        )
