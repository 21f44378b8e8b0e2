"""Passwords cannot be guessed for long, and nobody can lock the owner out."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import Settings

from progress import sign_in_throttle as throttle
from progress.models import FailedSignIn

OWNER, ATTACKER = "192.0.2.1", "198.51.100.7"
PAGES = pytest.mark.parametrize("page", ["/sign-in/", "/admin/login/"])


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """To check a password takes a third of a second, on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def owner(db: None) -> User:
    return User.objects.create_superuser("olivia", password="right")


def sign_in(page: str, password: str, address: str, name: str = "olivia") -> int:
    """The status: 302 when it leads on, 200 with the form again, 429."""
    answer = Client(REMOTE_ADDR=address).post(page, {"username": name, "password": password})
    return answer.status_code


@PAGES
def test_after_sixty_guesses_the_right_password_is_refused_but_not_to_the_owner(
    page: str, owner: User
) -> None:
    statuses = [sign_in(page, f"guess {number}", ATTACKER) for number in range(60)]
    assert statuses == [HTTPStatus.OK] * 10 + [HTTPStatus.TOO_MANY_REQUESTS] * 50
    answer = Client(REMOTE_ADDR=ATTACKER).post(page, {"username": " OLIVIA", "password": "right"})
    assert answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
    assert "Try again in 15 minutes." in answer.content.decode()
    assert 800 < int(answer["Retry-After"]) <= 900
    assert sign_in(page, "right", OWNER) == HTTPStatus.FOUND


def test_both_pages_count_together(owner: User, settings: Settings) -> None:
    settings.SIGN_IN_MAX_FAILURES = 2
    for page in ("/sign-in/", "/admin/login/"):
        assert sign_in(page, "wrong", ATTACKER) == HTTPStatus.OK
    for page in ("/sign-in/", "/admin/login/"):
        assert sign_in(page, "right", ATTACKER) == HTTPStatus.TOO_MANY_REQUESTS


def test_one_address_cannot_try_many_accounts_nor_with_an_account_of_its_own(
    owner: User, settings: Settings
) -> None:
    """A success clears the failures of its own account only, and no signed-in session helps."""
    settings.SIGN_IN_MAX_FAILURES_PER_ADDRESS = 5
    eve = User.objects.create_user("eve", password="mine")
    client = Client(REMOTE_ADDR=ATTACKER)
    for number in range(5):
        assert sign_in("/sign-in/", "mine", ATTACKER, "eve") == HTTPStatus.FOUND
        client.force_login(eve)
        values = {"username": f"user {number}", "password": "123456"}
        assert client.post("/sign-in/", values).status_code == HTTPStatus.OK
    assert sign_in("/sign-in/", "right", ATTACKER) == HTTPStatus.TOO_MANY_REQUESTS
    assert sign_in("/sign-in/", "right", OWNER) == HTTPStatus.FOUND


def test_slips_of_the_owner_are_forgotten_after_a_success(owner: User) -> None:
    for _ in range(2):
        for _ in range(9):
            assert sign_in("/sign-in/", "wrong", OWNER) == HTTPStatus.OK
        assert sign_in("/sign-in/", "right", OWNER) == HTTPStatus.FOUND
    assert not FailedSignIn.objects.exists()


def test_failures_are_forgotten_after_the_window(owner: User, settings: Settings) -> None:
    settings.SIGN_IN_MAX_FAILURES = 1
    sign_in("/sign-in/", "wrong", OWNER)
    assert sign_in("/sign-in/", "right", OWNER) == HTTPStatus.TOO_MANY_REQUESTS
    FailedSignIn.objects.update(at=timezone.now() - timedelta(seconds=settings.SIGN_IN_WINDOW + 1))
    assert sign_in("/sign-in/", "wrong", ATTACKER) == HTTPStatus.OK
    assert FailedSignIn.objects.get().address == ATTACKER


def test_an_account_that_many_guess_at_answers_late_but_answers(db: None) -> None:
    account, now = throttle.account_of("olivia"), timezone.now()
    rows = [FailedSignIn(account=account, address=f"10.0.0.{n}", at=now) for n in range(24)]
    FailedSignIn.objects.bulk_create(rows)
    attempt, wait = throttle.begin(account, OWNER)
    assert (attempt is not None, wait) == (True, 1.0)
    FailedSignIn.objects.bulk_create(
        FailedSignIn(account=account, address=f"10.0.1.{n}", at=now) for n in range(200)
    )
    assert throttle.begin(account, OWNER)[1] == throttle.MAX_DELAY
    assert throttle.begin(throttle.account_of("another"), OWNER)[1] == 0


def test_guesses_at_the_same_time_are_not_more_guesses(transactional_db: None) -> None:
    def guess(_: int) -> bool:
        try:
            return throttle.begin("account", ATTACKER)[0] is not None
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(guess, range(40)))
    assert 0 < allowed <= 10
    assert FailedSignIn.objects.count() == allowed


def test_a_form_of_another_site_counts_as_nothing(owner: User) -> None:
    strict = Client(enforce_csrf_checks=True, REMOTE_ADDR=OWNER)
    answer = strict.post("/sign-in/", {"username": "olivia", "password": "x"})
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert not FailedSignIn.objects.exists()


@pytest.mark.parametrize(
    ("proxies", "passed", "address"),
    [
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (3, "203.0.113.9", "192.0.2.1"),
        (1, "what a client writes", "192.0.2.1"),
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_address_is_the_one_that_our_own_proxies_saw(
    proxies: int, passed: str, address: str, settings: Settings, rf: RequestFactory
) -> None:
    settings.NUM_PROXIES = proxies
    request = rf.get("/", REMOTE_ADDR=OWNER, headers={"X-Forwarded-For": passed} if passed else {})
    assert throttle.address_of(request) == address


def test_behind_a_socket_all_have_one_address(rf: RequestFactory) -> None:
    assert throttle.address_of(rf.get("/", REMOTE_ADDR="")) == "unknown"


async def test_a_delay_holds_no_thread(monkeypatch: pytest.MonkeyPatch, rf: RequestFactory) -> None:
    """It is slept on the event loop: 50 at once take no longer than one."""
    monkeypatch.setattr(throttle, "begin", lambda *_: (FailedSignIn(), 1.0))
    view = throttle.throttled(lambda request: throttle.refusal(request, 30))
    begun = time.monotonic()
    answers = await asyncio.gather(*(view(rf.post("/sign-in/")) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {HTTPStatus.TOO_MANY_REQUESTS}
    assert 1 < time.monotonic() - begun < 40
