"""The forms of the page of one's own account."""

from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.utils.translation import gettext_lazy as _

from headway.conf import conf
from headway.models import ApiToken, Scope
from headway.users import Person
from progress.time_zone import names

LASTS = {"30": _("30 days"), "90": _("90 days"), "365": _("a year"), "": _("it does not")}
"""When a token may expire: days, and how the page names them."""

Values = dict[str, str] | None
"""What was sent; None for an empty form."""


class SaysWhere(SetPasswordForm):  # type: ignore[type-arg]  # no generic at run time
    """What is wrong with a new password is said where it is typed first, below its rules."""

    def validate_password_for_user(self, user: Person, password_field_name: str = "") -> None:
        del password_field_name
        super().validate_password_for_user(user, "new_password1")


class ChangeForm(SaysWhere, PasswordChangeForm):
    """The same, where there is one to change."""


def password_form(user: Person, values: Values = None) -> forms.Form:
    """It asks for the password of now where there is one."""
    form_class = ChangeForm if user.has_usable_password() else SaysWhere
    form: forms.Form = form_class(user, values, auto_id="password_%s")
    for field in form.fields.values():
        field.widget.attrs.pop("autofocus", None)  # the page has more than this form
    return form


class TokenForm(forms.Form):
    """What a new token is for, what it may do, and for how long."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What you use it for, such as nightly import.")
    )
    scope = forms.ChoiceField(choices=Scope.choices, label=_("It may"))
    days = forms.ChoiceField(
        choices=[*LASTS.items()], required=False, initial="90", label=_("It expires after")
    )

    def __init__(self, user: Person, values: Values = None) -> None:
        super().__init__(values, auto_id="token_%s")
        self._user = user

    def clean(self) -> None:
        if (
            ApiToken.objects.living().filter(owner_id=self._user.pk).count()
            >= conf.TOKEN_MAX_PER_USER
        ):
            raise forms.ValidationError(
                _("You can have {number} tokens: revoke one that you no longer use first.").format(
                    number=conf.TOKEN_MAX_PER_USER
                )
            )

    @property
    def lasts(self) -> timedelta | None:
        """How long the token lasts, of a valid form."""
        days = self.cleaned_data["days"]
        return timedelta(days=int(days)) if days else None


class LanguageForm(forms.Form):
    """In which language a person reads pages."""

    language = forms.ChoiceField(label=_("Language"), choices=lambda: settings.LANGUAGES)


class TimeZoneForm(forms.Form):
    """In which time zone a person is shown times."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=lambda: [(name, name) for name in names()]
    )
