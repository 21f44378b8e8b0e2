"""The page of one's own account: password, API tokens, time zone."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils import timezone, translation
from pytest_django import Settings

from headway.models import ApiToken, Job, Scope
from headway.web import formatting, grants, tokens
from headway.web.grants import Grant
from progress.models import Preference
from progress.preferences import TIME_ZONE_COOKIE

pytestmark = pytest.mark.django_db
NEW = {"new_password1": "correct horse", "new_password2": "correct horse"}
CHANGE = {"old_password": "secret", **NEW}
TOKEN = {"name": "nightly", "scope": "read", "days": "30"}
FORMS = ["password/", "tokens/", "tokens/1/revoke/", "time-zone/", "language/"]
SECRET = re.compile(r"pt_\d+_[0-9a-f]{48}")


def named(request: HttpRequest) -> HttpResponse:
    return HttpResponse(timezone.get_current_timezone_name())


urlpatterns = [path("", named)]


@pytest.fixture
def page(alice: User) -> Client:
    """A browser in which alice is signed in."""
    client = Client()
    client.force_login(alice)
    return client


def text_of(client: Client) -> str:
    return client.get("/me/").content.decode()


@pytest.mark.parametrize("where", ["", *FORMS])
def test_who_is_not_signed_in_is_led_to_do_so_and_back_to_the_page(
    where: str, alice: User, page: Client
) -> None:
    method = Client().post if where else Client().get
    assert method(f"/me/{where}").headers["Location"] == f"/sign-in/?next=/me/{where}"
    assert page.get(f"/me/{where}", follow=True).wsgi_request.path == "/me/"
    bearer = {"Authorization": f"Bearer {tokens.issue(alice)[1]}"}
    assert Client().get("/me/", headers=bearer).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("where", FORMS)
def test_another_site_can_send_none_of_the_forms(where: str, alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(f"/me/{where}", {**CHANGE, **TOKEN}).status_code == HTTPStatus.FORBIDDEN


def test_the_page_is_linked_and_is_stored_nowhere(page: Client) -> None:
    assert 'href="/me/"' in page.get("/").content.decode()
    assert "no-store" in page.get("/me/")["Cache-Control"]
    assert "no-store" in page.post("/me/tokens/", TOKEN)["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_a_new_password_keeps_this_session_and_ends_the_others(alice: User, page: Client) -> None:
    other = Client()
    other.force_login(alice)
    theirs = Grant(alice.pk, other.session.session_key or "")
    assert page.post("/me/password/", CHANGE).status_code == HTTPStatus.SEE_OTHER
    assert "Your password is changed" in text_of(page)
    assert other.get("/me/").status_code == HTTPStatus.FOUND
    mine = Grant(alice.pk, page.session.session_key or "")
    assert set(async_to_sync(grants.revoked)([theirs, mine])) == {theirs}
    assert Client().login(username="alice", password="correct horse")


@pytest.mark.parametrize(
    "wrong",
    [{"old_password": "guess"}, {"old_password": ""}, {"new_password2": "x"},
     {"new_password1": "alice", "new_password2": "alice"}],
)  # fmt: skip
def test_a_password_that_cannot_be_is_refused(
    alice: User, page: Client, wrong: dict[str, str]
) -> None:
    answer = page.post("/me/password/", {**CHANGE, **wrong})
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    shown = answer.content.decode()
    assert "Please correct the fields marked below." in shown
    assert shown.count("autofocus") == 1
    assert "correct horse" not in shown
    alice.refresh_from_db()
    assert alice.check_password("secret")


def test_what_is_wrong_with_a_password_is_said_where_it_is_typed(page: Client) -> None:
    short = {"new_password1": "x1", "new_password2": "x1"}
    answer = page.post("/me/password/", {**CHANGE, **short})
    assert [*answer.context["password_form"].errors] == ["new_password1"]


def test_a_user_without_a_password_sets_one(alice: User, page: Client) -> None:
    alice.set_unusable_password()
    alice.save()
    page.force_login(alice)
    assert "Set a password" in text_of(page)
    page.post("/me/password/", NEW)
    assert "Change the password" in text_of(page)
    assert Client().login(username="alice", password="correct horse")


def test_a_token_is_shown_once_and_works_until_it_is_revoked(alice: User, page: Client) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    (text,) = SECRET.findall(page.post("/me/tokens/", TOKEN).content.decode())
    token = ApiToken.objects.get()
    assert token.expires_at is not None
    assert token.expires_at - token.created_at - timedelta(days=30) < timedelta(minutes=1)
    assert (token.owner, token.name, token.scope) == (alice, "nightly", Scope.READ)

    shown = text_of(page)
    assert f"pt_{token.pk}_…" in shown
    assert "never used" in shown
    assert not SECRET.search(shown)

    bearer = {"Authorization": f"Bearer {text}"}
    assert Client().get(f"/jobs/{job.pk}/status/", headers=bearer).status_code == HTTPStatus.OK
    assert "last used" in text_of(page)
    page.post(f"/me/tokens/{token.pk}/revoke/")
    answer = Client().get(f"/jobs/{job.pk}/status/", headers=bearer)
    assert answer.status_code == HTTPStatus.UNAUTHORIZED
    assert f"pt_{token.pk}_…" not in text_of(page)


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x" * 101}, {"name": "\0"}, {"scope": "root"}, {"scope": ""},
     {"days": "31"}, {"days": "-1"}],
)  # fmt: skip
def test_a_token_that_cannot_be_is_refused(page: Client, wrong: dict[str, str]) -> None:
    answer = page.post("/me/tokens/", {**TOKEN, **wrong})
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert not ApiToken.objects.exists()


def test_a_user_has_so_many_tokens_and_no_more(
    alice: User, page: Client, settings: Settings
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"TOKEN_MAX_PER_USER": 1}
    tokens.issue(alice, lasts=timedelta(seconds=-1))
    assert page.post("/me/tokens/", TOKEN).status_code == HTTPStatus.OK
    answer = page.post("/me/tokens/", TOKEN)
    assert "You can have 1 tokens" in answer.content.decode()
    assert ApiToken.objects.count() == 2


def test_an_expired_token_says_so(alice: User, page: Client) -> None:
    tokens.issue(alice, "old one", lasts=timedelta(seconds=-1))
    assert ">expired " in text_of(page)


def test_others_tokens_are_neither_shown_nor_revoked(bob: User, page: Client) -> None:
    token, _ = tokens.issue(bob, "of bob")
    assert "of bob" not in text_of(page)
    answer = page.post(f"/me/tokens/{token.pk}/revoke/")
    assert answer.status_code == HTTPStatus.NOT_FOUND
    assert ApiToken.objects.living().exists()


def test_times_are_shown_in_the_zone_of_the_browser(alice: User, page: Client) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    moment = timezone.now().replace(year=2026, month=1, day=2, hour=20, minute=5)
    Job.objects.update(created_at=moment)
    assert "2 January 2026, 20:05" in page.get(job.get_absolute_url()).content.decode()
    assert "data-guess-zone" in text_of(page)
    page.post("/me/time-zone/", {"time_zone": "Asia/Tokyo"})
    assert "3 January 2026, 05:05" in page.get(job.get_absolute_url()).content.decode()
    assert "data-guess-zone" not in text_of(page)
    assert 'value="Asia/Tokyo" selected' in text_of(page)
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize("name", ["Nowhere/City", "../../etc/passwd", "Etc/GMT-1", ""])
def test_a_zone_that_is_none_is_refused_and_a_forged_cookie_ignored(
    page: Client, name: str
) -> None:
    answer = page.post("/me/time-zone/", {"time_zone": name})
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    page.cookies[TIME_ZONE_COOKIE] = name
    assert 'value="UTC" selected' in text_of(page)


async def test_an_asynchronous_server_shows_the_zone_too(transactional_db: None) -> None:
    client = AsyncClient()
    client.cookies[TIME_ZONE_COOKIE] = "Asia/Tokyo"
    with override_settings(ROOT_URLCONF=__name__):
        assert (await client.get("/")).content == b"Asia/Tokyo"
    assert timezone.get_current_timezone_name() == "UTC"


def test_zone_and_language_follow_their_person_to_other_browsers(
    alice: User, bob: User, page: Client
) -> None:
    page.post("/me/time-zone/", {"time_zone": "Asia/Tokyo"})
    page.post("/me/language/", {"language": "de"})
    assert "Neues Passwort" in text_of(page)  # Django's own word for it
    other = Client()
    other.post("/sign-in/", {"username": "alice", "password": "secret"})
    assert 'value="Asia/Tokyo" selected' in text_of(other)
    assert "Neues Passwort" in text_of(other)
    other.post("/sign-out/")
    other.post("/sign-in/", {"username": "bob", "password": "secret"})
    assert not Preference.objects.filter(user=bob).exists()
    page.post("/me/language/", {"language": "en"})
    assert "New password" in text_of(page)


@pytest.mark.parametrize("name", ["xx", "", "../de"])
def test_a_language_that_the_site_has_not_is_refused(page: Client, name: str) -> None:
    assert page.post("/me/language/", {"language": name}).status_code == HTTPStatus.BAD_REQUEST
    assert not Preference.objects.exists()


def test_a_browser_that_prefers_german_gets_it(alice: User) -> None:
    german = Client(headers={"Accept-Language": "de-AT, en;q=0.5"})
    german.force_login(alice)
    assert "Neues Passwort" in text_of(german)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (3, "now"),
        (47, "40 seconds ago"),
        (61, "1 minute ago"),
        (7300, "2 hours ago"),
        (86400 * 3.5, "3 days ago"),
        (-86400 * 6.99, "in 7 days"),
    ],
)
def test_times_are_relative_with_the_exact_one_beside(seconds: float, said: str) -> None:
    moment = timezone.now() - timedelta(seconds=seconds)
    with translation.override("en"):
        written, exact = formatting.when(moment), formatting.exact(moment)
    assert f'title="{exact}">{said}<span class="unseen">, {exact}</span>' in written
    assert formatting.when(None) == ""
