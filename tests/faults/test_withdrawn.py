"""Whoever may not read a stream any more is told so, and the stream ends, though nothing else has
happened on it."""

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from headway.lifecycle import announce
from headway.lifecycle.log import log
from headway.models import ApiToken, Job, ShareLink
from headway.stream import Event
from headway.web import sharing, tokens
from tests.support.servers import Serve, Uvicorn
from tests.support.stack import Web
from tests.support.thorough import Many
from tests.support.users import session_of


@pytest.fixture(scope="module", params=[Web, Uvicorn], ids=["daphne", "uvicorn"])
def web(request: pytest.FixtureRequest, serve: Serve) -> Web:
    return serve(request.param, STREAM_RECHECK="1")


def expire() -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def sign_out_everywhere() -> None:
    Session.objects.all().delete()


def revoke() -> None:
    ApiToken.objects.update(revoked_at=timezone.now())


def expire_token() -> None:
    ApiToken.objects.update(expires_at=timezone.now())


def deactivate() -> None:
    User.objects.filter(username="boss").update(is_active=False)


def take_staff_away() -> None:
    User.objects.filter(username="boss").update(is_staff=False, is_superuser=False)


def change_password() -> None:
    boss = User.objects.get(username="boss")
    boss.set_password("another")
    boss.save()


BY_SESSION = [expire, sign_out_everywhere, deactivate, take_staff_away, change_password]
BY_TOKEN = [revoke, expire_token, deactivate, take_staff_away]
CASES = [(each, "session") for each in BY_SESSION] + [(each, "token") for each in BY_TOKEN]
ON_BOTH = (sign_out_everywhere, revoke)
"""Rights are looked at in the same way under each server: all on both with `--thorough`."""


@pytest.mark.parametrize(("withdraw", "by"), CASES)
def test_a_stream_ends_when_its_reader_may_read_no_more(
    withdraw: Callable[[], None],
    by: str,
    web: Web,
    transactional_db: None,
    boss: User,
    alice: User,
    many: Many,
) -> None:
    if isinstance(web, Uvicorn) and withdraw not in ON_BOTH and not many(0, thorough=1):
        pytest.skip("on both servers with --thorough")
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(job)
    cookies = {settings.SESSION_COOKIE_NAME: session_of(boss)} if by == "session" else {}
    headers = {"Authorization": f"Bearer {tokens.issue(boss)[1]}"} if by == "token" else {}
    with (
        httpx.Client(cookies=cookies, headers=headers, timeout=10) as client,
        client.stream("GET", f"{web.url}/jobs/{job.pk}/events/") as response,
    ):
        pieces = response.iter_text()
        got = next(pieces)
        while "event: snapshot" not in got:
            got += next(pieces)
        withdraw()
        got += "".join(pieces)  # until the server ends it
        assert got.endswith("event: auth\ndata: {}\n\n")
        again = client.get(f"{web.url}/jobs/{job.pk}/events/")
        assert again.status_code in (401, 404)


def test_signing_out_on_the_page_ends_the_stream(
    web: Web, transactional_db: None, alice: User
) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    announce.created(job)
    cookies = {settings.SESSION_COOKIE_NAME: session_of(alice)}
    with (
        httpx.Client(cookies=cookies, timeout=10) as client,
        client.stream("GET", f"{web.url}/jobs/{job.pk}/events/") as response,
    ):
        client.get(f"{web.url}/")
        token = client.cookies["csrftoken"]
        gone = client.post(f"{web.url}/sign-out/", data={"csrfmiddlewaretoken": token})
        assert gone.status_code == 302
        assert "".join(response.iter_text()).endswith("event: auth\ndata: {}\n\n")


def revoke_link() -> None:
    ShareLink.objects.update(revoked_at=timezone.now())


def expire_link() -> None:
    ShareLink.objects.update(expires_at=timezone.now())


@pytest.mark.parametrize("withdraw", [revoke_link, expire_link])
def test_the_stream_of_a_link_ends_with_it_and_shows_no_more_than_it(
    withdraw: Callable[[], None], web: Web, transactional_db: None, alice: User
) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice, result="mine")
    announce.created(job)
    link = sharing.make(job, [], 7, alice)
    with (
        httpx.Client(timeout=10) as stranger,
        stranger.stream("GET", f"{web.url}{sharing.address(link)}events/") as response,
    ):
        pieces = response.iter_text()
        got = next(pieces)
        while "event: snapshot" not in got:
            got += next(pieces)
        for kind, text in (("log", "hidden"), ("error", "shown")):
            told = {"job": str(job.pk), "attempt": 0, "text": text, "message": text}
            log().append(str(job.pk), Event(kind, told), attempt=0)
        while "shown" not in got:
            got += next(pieces)
        withdraw()
        got += "".join(pieces)  # until the server ends it
        assert got.endswith("event: auth\ndata: {}\n\n")
        assert "hidden" not in got
        assert "mine" not in got
        again = stranger.get(f"{web.url}{sharing.address(link)}events/")
        assert again.status_code == 404
    web.wait_for(lambda: "/shared/***/events/" in web.output)
    assert sharing.token_of(link) not in web.output
