"""What the site itself keeps of a person: failed sign-ins, how they like pages, what they had of
the language model, and how an identity provider names them, when all is exported or erased."""

from typing import Any

from django.dispatch import receiver

from headway.signals import person_erased, person_exported
from jobs.models import ModelUse
from progress.models import ExternalIdentity, FailedSignIn, Preference
from progress.sign_in_throttle import account_of


@receiver(person_exported)
def export_failures(person: Any, **_: Any) -> dict[str, Any]:
    """From where and when somebody failed to sign in as them, how they like pages, and what they
    had of the language model."""
    known = FailedSignIn.objects.filter(account=account_of(person.get_username()))
    liked = Preference.objects.filter(user_id=person.pk)
    used = ModelUse.objects.filter(pk=person.pk)
    return {
        "failed-sign-ins.jsonl": list(known.values("address", "at")),
        "preferences.jsonl": list(liked.values("time_zone", "language")),
        "use-of-the-model.jsonl": list(used.values("day", "answers", "tokens")),
    }


@receiver(person_erased)
def erase_failures(person: Any, **_: Any) -> None:
    """The same, erased."""
    FailedSignIn.objects.filter(account=account_of(person.get_username())).delete()
    Preference.objects.filter(user_id=person.pk).delete()
    ModelUse.objects.filter(pk=person.pk).delete()


@receiver(person_exported)
def export_identities(person: Any, **_: Any) -> dict[str, Any]:
    """How identity providers name them."""
    known = ExternalIdentity.objects.filter(user=person.pk)
    return {"identities.jsonl": list(known.values("issuer", "subject"))}


@receiver(person_erased)
def erase_identities(person: Any, **_: Any) -> None:
    """The same, erased: whoever signs in there next is somebody new."""
    ExternalIdentity.objects.filter(user=person.pk).delete()
