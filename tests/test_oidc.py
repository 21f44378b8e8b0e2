"""Sign-in by a real provider of OpenID Connect on this machine."""

import sys
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.models import Session
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import include, path
from pytest_django import Settings

from progress import urls
from progress.checks import check_settings
from progress.models import ExternalIdentity
from progress.person_data import erase_identities, export_identities
from tests.support.pages import code
from tests.support.patience import PATIENCE
from tests.support.processes import Process
from tests.support.stack import free_port

pytestmark = pytest.mark.django_db
SITE = "http://testserver"
# As progress/urls.py has it where a provider is configured
urlpatterns = [path("sign-in/oidc/", include("progress.oidc")), *urls.urlpatterns]
handler400, handler403 = urls.handler400, urls.handler403
handler404, handler500 = urls.handler404, urls.handler500


class Provider(Process):
    """Lets anyone be whoever they say."""

    def __init__(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        program = ("-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true")
        super().__init__("provider", [sys.executable, *program])

    def answers(self) -> bool:
        try:
            return httpx.get(self.url, timeout=2).is_success
        except httpx.TransportError:
            return False

    def authorizes(self, address: str, subject: str) -> str:
        """Where it sends the browser of this person back to."""
        answer = httpx.post(address, data={"sub": subject}, timeout=PATIENCE)
        return str(answer.headers["Location"])


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    process = Provider()
    process.start()
    process.wait_for(process.answers)
    yield process
    process.stop()


@pytest.fixture(autouse=True)
def configured(provider: Provider, settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.OIDC_ISSUER = provider.url
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "headway", "its secret"


def knows(provider: Provider, subject: str, **claims: object) -> None:
    httpx.put(f"{provider.url}/users/{subject}", json=claims, timeout=PATIENCE).raise_for_status()


def begins(browser: Client, to: str = "") -> str:
    """Where the site sends a browser that is to sign in."""
    answer = browser.get("/sign-in/oidc/", {"next": to})
    assert answer.status_code == HTTPStatus.FOUND
    return answer.headers["Location"]


def signs_in(provider: Provider, subject: str, to: str = "") -> tuple[Client, str]:
    """A browser, and where it has been led in the end."""
    browser = Client()
    back = provider.authorizes(begins(browser, to), subject)
    assert back.startswith(f"{SITE}/sign-in/oidc/callback/?")
    return browser, browser.get(back.removeprefix(SITE)).headers["Location"]


def name_in(browser: Client) -> str:
    return User.objects.get(pk=browser.session["_auth_user_id"]).username


def test_a_person_signs_in_by_the_provider_and_has_the_rights_that_the_site_gives(
    provider: Provider,
) -> None:
    knows(provider, "1", preferred_username="ada", email="ada@example.com", email_verified=True)
    browser, led_to = signs_in(provider, "1", "/me/")
    assert led_to == "/me/"
    ada = User.objects.get(username="ada")
    assert name_in(browser) == "ada"
    assert (ada.is_staff, ada.is_superuser, ada.has_usable_password()) == (False, False, False)
    assert ada.email == "ada@example.com"
    assert browser.session.get_expiry_age() > 600
    assert browser.get("/admin/").status_code == HTTPStatus.FOUND

    group = Group.objects.create(name="operators")
    group.permissions.add(Permission.objects.get(codename="view_job"))
    ada.groups.add(group)
    User.objects.filter(pk=ada.pk).update(is_staff=True)
    again, _ = signs_in(provider, "1")
    assert name_in(again) == "ada"
    assert again.get("/admin/headway/job/").status_code == HTTPStatus.OK
    assert User.objects.count() == 1


def test_the_request_has_state_nonce_and_pkce_and_its_session_lasts_for_minutes() -> None:
    browser = Client()
    asked = parse_qs(urlsplit(begins(browser)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert all(asked[name] for name in ("state", "nonce", "code_challenge"))
    assert browser.session.get_expiry_age() <= 600


def test_nobody_gets_an_account_by_its_name_or_its_address(provider: Provider, boss: User) -> None:
    """Whoever can choose these at the provider would be the site's superuser."""
    User.objects.filter(pk=boss.pk).update(email="boss@example.com")
    knows(provider, "2", preferred_username="BOSS", email="boss@example.com", email_verified=True)
    browser, _ = signs_in(provider, "2")
    assert name_in(browser).startswith("BOSS-")
    assert not User.objects.get(username__startswith="BOSS-").is_superuser


def test_who_is_called_as_somebody_who_has_just_come_tries_again(provider: Provider) -> None:
    def is_first(**_: object) -> None:
        pre_save.disconnect(is_first, User)
        User.objects.create(username="eve")

    knows(provider, "9", preferred_username="eve")
    pre_save.connect(is_first, User)
    assert signs_in(provider, "9")[1] == "/sign-in/"
    assert name_in(signs_in(provider, "9")[0]) == "eve"


def test_an_administrator_gives_an_account_to_a_person_of_the_provider(
    provider: Provider, boss: User, alice: User
) -> None:
    staff = Client()
    staff.force_login(boss)
    values = {"user": alice.pk, "issuer": provider.url, "subject": "3"}
    assert staff.post("/admin/progress/externalidentity/add/", values).status_code == 302
    browser, _ = signs_in(provider, "3")
    assert name_in(browser) == "alice"


def test_who_is_deactivated_is_not_let_in(provider: Provider) -> None:
    signs_in(provider, "4")
    User.objects.update(is_active=False)
    browser, led_to = signs_in(provider, "4")
    assert led_to == "/sign-in/"
    assert "You have no account here" in browser.get("/sign-in/").content.decode()
    assert "_auth_user_id" not in browser.session


def test_a_site_may_let_in_only_whom_it_knows(provider: Provider, settings: Settings) -> None:
    settings.OIDC_CREATE_USERS = False
    _, led_to = signs_in(provider, "5")
    assert led_to == "/sign-in/"
    assert not User.objects.exists()


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_it_leads_to_no_other_site(provider: Provider, to: str) -> None:
    assert signs_in(provider, "6", to)[1] == "/"


def test_what_others_send_a_browser_back_with_signs_nobody_in(provider: Provider) -> None:
    """An answer that was meant for another browser, one that comes twice, and invented ones."""
    theirs = Client()
    back = provider.authorizes(begins(theirs), "7").removeprefix(SITE)
    victim = Client()
    victim.get("/sign-in/oidc/")
    invented = ["?code=x&state=y", "", "?error=access_denied&error_description=<script>"]
    for address in (back, *(f"/sign-in/oidc/callback/{query}" for query in invented)):
        answer = victim.get(address)
        assert answer.headers["Location"] == "/sign-in/"
        assert "_auth_user_id" not in victim.session
    page = victim.get("/sign-in/").content.decode()
    assert "Signing in there did not work" in page
    assert "<script>" not in page.partition("<main")[2].partition("</main>")[0]
    theirs.get(back)
    Session.objects.exclude(pk=theirs.session.session_key).delete()
    assert theirs.get(back).headers["Location"] == "/sign-in/"


def test_a_code_that_another_site_was_given_is_refused(
    provider: Provider, settings: Settings
) -> None:
    browser = Client()
    back = provider.authorizes(begins(browser), "8").removeprefix(SITE)
    settings.OIDC_CLIENT_ID = "another"
    assert browser.get(back).headers["Location"] == "/sign-in/"
    assert not User.objects.exists()


def test_a_provider_that_is_away_is_a_sentence(settings: Settings) -> None:
    settings.OIDC_ISSUER = f"http://127.0.0.1:{free_port()}"
    browser = Client()
    answer = browser.get("/sign-in/oidc/")
    assert answer.headers["Location"] == "/sign-in/"
    assert "did not work" in browser.get("/sign-in/").content.decode()


def test_the_way_is_shown_where_there_is_a_provider_alone(settings: Settings) -> None:
    page = Client().get("/sign-in/?next=/me/").content.decode()
    assert 'href="/sign-in/oidc/?next=/me/"' in page
    settings.ROOT_URLCONF = "progress.urls"
    assert "oidc" not in Client().get("/sign-in/").content.decode()
    assert Client().get("/sign-in/oidc/").status_code == HTTPStatus.NOT_FOUND


def test_what_is_kept_of_a_person_is_told_and_erased(provider: Provider) -> None:
    signs_in(provider, "9")
    user = User.objects.get()
    [told] = export_identities(person=user)["identities.jsonl"]
    assert told == {"issuer": provider.url, "subject": "9"}
    erase_identities(person=user)
    assert not ExternalIdentity.objects.exists()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OIDC_CLIENT_SECRET", "", "set all three, or none."),
        ("OIDC_ISSUER", "http://provider.example", "OIDC_ISSUER: use the provider's https://"),
    ],
)
def test_what_is_configured_wrong_is_a_sentence(
    settings: Settings, name: str, value: str, said: str
) -> None:
    setattr(settings, name, value)
    assert any(said in each.msg for each in check_settings())


def test_the_settings_of_the_page_have_no_problem(settings: Settings) -> None:
    lines = code("docs/operations.md", "OIDC_ISSUER=").splitlines()
    for name, _, value in (line.partition("=") for line in lines):
        assert hasattr(settings, name)
        setattr(settings, name, value)
    assert not any("OIDC" in each.msg for each in check_settings())
