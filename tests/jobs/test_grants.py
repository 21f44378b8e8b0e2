"""On what grounds a stream goes on: whatever lets a request in must hold while it is open."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.utils import timezone

from headway.models import ApiToken, Job
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


def test_a_token_expires(session: Grant, token: Grant) -> None:
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert not revoked(token)
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert revoked(session, token) == {token}


def test_who_may_not_sign_in_any_more_reads_nothing(
    alice: User, session: Grant, token: Grant
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert revoked(session, token) == {session, token}


def test_who_is_gone_reads_nothing(alice: User, session: Grant, token: Grant) -> None:
    alice.delete()
    assert revoked(session, token) == {session, token}


def test_others_jobs_take_staff_with_a_permission_for_as_long(
    alice: User, bob: User, client: Client
) -> None:
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client.force_login(bob)
    key, job = client.session.session_key or "", Job.objects.create(kind="x", owner=alice)
    own, others = Grant(bob.pk, key), Grant(bob.pk, key, others=frozenset({job.pk}))
    assert revoked(own, others) == {others}
    bob.user_permissions.add(Permission.objects.get(codename="view_job"))
    assert not revoked(own, others)
    job.delete()  # which is for the stream itself to say
    bob.user_permissions.clear()
    assert not revoked(own, others)


def test_a_grant_that_cannot_be_checked_does_not_hold(session: Grant, token: Grant) -> None:
    """Others' checks go on: here a way of signing in has gone from the settings."""
    with override_settings(AUTHENTICATION_BACKENDS=["no.such.Backend"]):
        assert revoked(session, token) == {session}
    store = SessionStore(session.session)
    store[BACKEND_SESSION_KEY] = "no.such.Backend"
    store.save()
    with override_settings(AUTHENTICATION_BACKENDS=["no.such.Backend"]):
        assert revoked(session, token) == {session}


def test_what_a_way_of_signing_in_says_counts(alice: User, session: Grant) -> None:
    lenient = "django.contrib.auth.backends.AllowAllUsersModelBackend"
    User.objects.filter(pk=alice.pk).update(is_active=False)
    store = SessionStore(session.session)
    store[BACKEND_SESSION_KEY] = lenient
    store.save()
    with override_settings(AUTHENTICATION_BACKENDS=[lenient]):
        assert not revoked(session)
    assert revoked(session) == {session}


def test_a_database_that_is_away_is_not_mistaken_for_an_answer(session: Grant) -> None:
    path = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "/nowhere/at/all"
    try:
        with pytest.raises(OperationalError):
            revoked(session)
    finally:
        connection.settings_dict["NAME"] = path


def test_a_session_of_somebody_else_is_no_ground(bob: User, session: Grant, token: Grant) -> None:
    assert revoked(session._replace(user=bob.pk), token._replace(user=bob.pk), Grant(bob.pk)) == {
        session._replace(user=bob.pk),
        token._replace(user=bob.pk),
        Grant(bob.pk),
    }


def test_more_than_one_query_takes_are_looked_up(session: Grant) -> None:
    many = {session._replace(user=number) for number in range(-1200, 0)}
    assert revoked(session, *many) == many
