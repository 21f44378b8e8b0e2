"""One-time sign-in links, for the first person who starts an installation."""

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class _Tokens(PasswordResetTokenGenerator):
    """Tokens that a sign-in makes worthless, as it moves `last_login`."""

    key_salt = "headway.web.sign_in"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        # Django's own value has whole seconds: a second use within one second would pass
        return f"{super()._make_hash_value(user, timestamp)}{user.last_login}"


_tokens = _Tokens()


def link_path(user: User) -> str:
    """The path of a link that signs `user` in once, within PASSWORD_RESET_TIMEOUT."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("sign_in_link", args=(uid, _tokens.make_token(user)))


def password_path(user: User) -> str:
    """The page of the admin on which a superuser gives `user` a password."""
    return reverse("admin:auth_user_password_change", args=(user.pk,))


def redeem(uid: str, token: str) -> User | None:
    """The user of a link that is still good; from then on it is not. None for any other."""
    try:
        user = User.objects.get(pk=urlsafe_base64_decode(uid).decode(), is_active=True)
    except (ValueError, OverflowError, User.DoesNotExist):
        return None
    if not _tokens.check_token(user, token):
        return None
    before = User.objects.filter(pk=user.pk, last_login=user.last_login)
    return user if before.update(last_login=timezone.now()) else None


def first_user_without_password() -> User | None:
    """Who needs a link: the superuser, made here when there is no user at all.

    None when a superuser can sign in with a password, or when there are only other users.
    """
    if not User.objects.exists():
        return User.objects.create_superuser("admin")
    superusers = User.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    if any(user.has_usable_password() for user in superusers):
        return None
    return superusers.first()
