"""One-time links: who gets one, and that each signs in once."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from headway.web import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    user = sign_in.first_user_without_password()
    assert isinstance(user, User)
    return user


def test_without_users_there_is_an_admin_who_needs_a_link(admin: User) -> None:
    assert (admin.username, admin.is_superuser) == ("admin", True)
    assert not admin.has_usable_password()
    assert sign_in.first_user_without_password() == admin


def test_a_superuser_with_a_password_needs_no_link(boss: User) -> None:
    assert boss.has_usable_password()
    assert sign_in.first_user_without_password() is None


def test_other_users_get_no_link_and_no_admin_beside_them(alice: User) -> None:
    assert sign_in.first_user_without_password() is None
    assert list(User.objects.all()) == [alice]


def test_the_link_signs_in_once_even_within_a_second(admin: User) -> None:
    path = sign_in.link_path(admin)
    first = Client().post(path)
    assert first.headers["Location"] == "/"
    assert first.client.session["_auth_user_id"] == str(admin.pk)
    for method in ("get", "post"):
        second = getattr(Client(), method)(path)
        assert second.headers["Location"] == reverse("sign_in")
        assert "_auth_user_id" not in second.client.session


@pytest.mark.parametrize("method", ["head", "get", "options"])
def test_a_preview_of_the_link_uses_nothing_up_and_signs_nobody_in(
    admin: User, method: str
) -> None:
    path, client = sign_in.link_path(admin), Client()
    for _ in range(2):
        assert getattr(client, method)(path).status_code in (200, 204)
    assert "_auth_user_id" not in client.session
    assert Client().post(path).headers["Location"] == "/"


def test_the_page_of_the_link_asks_and_says_whose_session_ends(admin: User, alice: User) -> None:
    path, client = sign_in.link_path(admin), Client()
    assert "Sign in as admin?" in client.get(path).content.decode()
    client.force_login(alice)
    page = client.get(path).content.decode()
    assert "You are signed in as alice." in page
    assert "Sign in as admin instead" in page
    assert client.session["_auth_user_id"] == str(alice.pk)
    client.post(path)
    assert client.session["_auth_user_id"] == str(admin.pk)


def test_another_site_cannot_sign_anybody_in_by_the_link(admin: User) -> None:
    path, strict = sign_in.link_path(admin), Client(enforce_csrf_checks=True)
    assert strict.post(path).status_code == 403
    assert sign_in.user_of(*path.strip("/").split("/")[-2:]) == admin


def test_a_newer_sign_in_makes_the_link_worthless(admin: User) -> None:
    path = sign_in.link_path(admin)
    User.objects.update(last_login=timezone.now() - timedelta(days=1))
    assert Client().get(path).headers["Location"] == reverse("sign_in")


def test_the_link_of_somebody_who_was_deactivated_is_worthless(admin: User) -> None:
    path = sign_in.link_path(admin)
    User.objects.update(is_active=False)
    assert Client().get(path).headers["Location"] == reverse("sign_in")


@pytest.mark.parametrize("uid", ["MQ", "x", "%00", "_____w", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"])
@pytest.mark.parametrize("token", ["x", "a-b", "digowk-" + "0" * 32])
def test_an_invented_link_leads_to_the_sign_in_page(client: Client, uid: str, token: str) -> None:
    answer = client.get(f"/sign-in/link/{uid}/{token}/", follow=True)
    assert answer.redirect_chain == [(reverse("sign_in"), 302)]
    assert b"This link has been used" in answer.content


def test_whoever_came_by_the_link_can_set_a_password_and_needs_no_other(admin: User) -> None:
    client = Client()
    client.post(sign_in.link_path(admin))
    path = sign_in.password_path(admin)
    assert client.get(path).status_code == 200
    words = {"password1": "correct horse", "password2": "correct horse"}
    answer = client.post(path, {**words, "usable_password": "true", "set-password": "1"})
    assert answer.status_code == 302
    assert Client().login(username="admin", password="correct horse")
    assert sign_in.first_user_without_password() is None
