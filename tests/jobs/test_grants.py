"""On what grounds a stream goes on: whatever lets a request in must hold while it is open."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from headway.models import ApiToken
from headway.web import grants, tokens
from headway.web.grants import Grant

pytestmark = pytest.mark.django_db(transaction=True)  # looking closes connections


def revoked(*asked: Grant) -> set[object]:
    return set(async_to_sync(grants.revoked)(asked))


@pytest.fixture
def session(alice: User, client: Client) -> Grant:
    client.force_login(alice)
    return Grant(alice.pk, client.session.session_key or "")


@pytest.fixture
def token(alice: User) -> Grant:
    return Grant(alice.pk, token=tokens.issue(alice)[0].pk)


def test_a_session_and_a_token_hold(session: Grant, token: Grant) -> None:
    assert not revoked(session, token)


def test_signing_out_ends_the_session_and_not_the_token(
    client: Client, session: Grant, token: Grant
) -> None:
    client.logout()
    assert revoked(session, token) == {session}


def test_a_session_expires(session: Grant) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert revoked(session) == {session}


def test_a_new_password_ends_sessions(alice: User, session: Grant) -> None:
    alice.set_password("another")
    alice.save()
    assert revoked(session) == {session}


def test_a_token_is_revoked(session: Grant, token: Grant) -> None:
    tokens.revoke(ApiToken.objects.get())
    assert revoked(session, token) == {token}


def test_who_may_not_sign_in_any_more_reads_nothing(
    alice: User, session: Grant, token: Grant
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert revoked(session, token) == {session, token}


def test_who_is_gone_reads_nothing(alice: User, session: Grant, token: Grant) -> None:
    alice.delete()
    assert revoked(session, token) == {session, token}


def test_others_jobs_take_a_member_of_staff(boss: User, client: Client) -> None:
    client.force_login(boss)
    key = client.session.session_key or ""
    own, others = Grant(boss.pk, key), Grant(boss.pk, key, staff=True)
    assert not revoked(own, others)
    User.objects.update(is_staff=False)
    assert revoked(own, others) == {others}


def test_a_session_of_somebody_else_is_no_ground(bob: User, session: Grant, token: Grant) -> None:
    assert revoked(session._replace(user=bob.pk), token._replace(user=bob.pk), Grant(bob.pk)) == {
        session._replace(user=bob.pk),
        token._replace(user=bob.pk),
        Grant(bob.pk),
    }


def test_more_than_one_query_takes_are_looked_up(session: Grant) -> None:
    many = {session._replace(user=number) for number in range(-1200, 0)}
    assert revoked(session, *many) == many
