"""How users are known to an identity provider, for who may say that an account is theirs."""

from django.contrib import admin

from progress.models import ExternalIdentity


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(admin.ModelAdmin[ExternalIdentity]):
    """An account that was there before the provider gets its name here."""

    list_display = ("user", "subject", "issuer")
    search_fields = ("subject",)
    raw_id_fields = ("user",)
