"""API tokens: made and revoked by command, revoked in the admin, taken by every address."""

import time
from datetime import timedelta
from http import HTTPStatus
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from headway.models import ApiToken, Job, Scope
from headway.stream.http import EventStreamResponse
from headway.web import tokens
from headway.web.streams import hub
from tests.support.locking import locked
from tests.support.stack import Valkey

JSON = {"Accept": "application/json"}


@pytest.fixture
def job(alice: User, valkey: Valkey) -> Job:
    del valkey
    return Job.objects.create(kind="simulate", title="Simulate", owner=alice)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", **JSON}


def strict() -> Client:
    """A client that is not spared the CSRF check."""
    return Client(enforce_csrf_checks=True)


def made(*arguments: str) -> str:
    printed = StringIO()
    call_command("token", *arguments, stdout=printed, stderr=StringIO())
    return printed.getvalue().strip()


def test_the_command_prints_a_token_once_and_stores_its_hash_alone(alice: User, job: Job) -> None:
    text = made("alice", "--name", "laptop")
    token = ApiToken.objects.get()
    assert (token.owner, token.name, token.last_used_at) == (alice, "laptop", None)
    assert text.rpartition("_")[2] not in str(vars(token))
    response = strict().get(f"/jobs/{job.pk}/status/", headers=bearer(text))
    assert response.json()["job"] == str(job.pk)


def test_a_revoked_token_is_worthless_at_once(alice: User, job: Job) -> None:
    text, other = made("alice"), made("alice")
    made("--revoke", text.split("_")[1])
    url = f"/jobs/{job.pk}/status/"
    assert strict().get(url, headers=bearer(text)).status_code == HTTPStatus.UNAUTHORIZED
    assert strict().get(url, headers=bearer(other)).status_code == HTTPStatus.OK


def test_an_expired_token_is_worthless(alice: User, job: Job) -> None:
    text = made("alice", "--days", "1")
    url = f"/jobs/{job.pk}/status/"
    assert strict().get(url, headers=bearer(text)).status_code == HTTPStatus.OK
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert strict().get(url, headers=bearer(text)).status_code == HTTPStatus.UNAUTHORIZED


def test_a_scope_allows_what_it_says(alice: User, job: Job) -> None:
    job_url, start = f"/jobs/{job.pk}/", "/jobs/start/simulate/"
    needs = {
        Scope.READ: [("get", f"{job_url}status/"), ("head", f"{job_url}events/"), ("get", start)],
        Scope.START: [("post", start), ("get", "/chat/"), ("post", "/chat/")],
        Scope.ALL: [("post", f"{job_url}retry/"), ("delete", start), ("post", f"{job_url}status/")],
    }
    needs[Scope.ALL] += [("get", f"{job_url}share/"), ("get", "/jobs/notices/")]  # with secrets
    for scope in Scope:
        headers, client = bearer(made("alice", "--scope", scope)), strict()
        for needed, asked in needs.items():
            for method, url in asked:
                answer = getattr(client, method)(url, headers=headers)
                narrow = "insufficient_scope" in answer.get("WWW-Authenticate", "")
                assert narrow is not scope.covers(needed), (scope, method, url)
                assert not narrow or answer.status_code == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "arguments",
    [
        ["nobody"],
        ["--revoke", "99"],
        ["alice", "--name", "x" * 101],
        ["alice", "--days", "0"],
        ["alice", "--days", "999999999999"],
        ["alice", "--scope", "root"],
    ],
)
def test_what_the_command_cannot_do_it_says(alice: User, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("token", *arguments)
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "bad",
    ["", "x", "pt_", "pt_1_", "pt_{id}_", "pt_{id}_wrong", "pt_999999_{secret}", "{secret}",
     "pt_{id}_{secret}x", "pt_-{id}_{secret}", "pt_²_{secret}", "pt_" + "9" * 40 + "_x"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["status/", "events/", "cancel/"])
def test_a_token_that_is_none_gets_a_401_that_says_so(
    alice: User, job: Job, bad: str, path: str
) -> None:
    text = made("alice")
    _, number, secret = text.split("_")
    headers = bearer(bad.format(id=number, secret=secret))
    client = strict()
    send = client.post if path == "cancel/" else client.get
    response = send(f"/jobs/{job.pk}/{path}", headers=headers)
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert response.json()["detail"]
    job.refresh_from_db()
    assert job.cancel_requested_at is None


def test_a_bad_token_is_not_helped_by_a_good_session(alice: User, job: Job) -> None:
    client = Client()
    client.force_login(alice)
    response = client.get(f"/jobs/{job.pk}/status/", headers=bearer("pt_1_wrong"))
    assert response.status_code == HTTPStatus.UNAUTHORIZED


def test_a_token_of_somebody_who_may_not_sign_in_is_worthless(alice: User, job: Job) -> None:
    text = made("alice")
    User.objects.filter(pk=alice.pk).update(is_active=False)
    response = strict().get(f"/jobs/{job.pk}/status/", headers=bearer(text))
    assert response.status_code == HTTPStatus.UNAUTHORIZED


def test_a_token_sees_what_its_owner_sees(bob: User, boss: User, job: Job) -> None:
    url = f"/jobs/{job.pk}/status/"
    assert strict().get(url, headers=bearer(made("bob"))).status_code == HTTPStatus.NOT_FOUND
    assert strict().get(url, headers=bearer(made("boss"))).status_code == HTTPStatus.OK


def test_a_program_starts_and_cancels_without_a_form_token(alice: User, valkey: Valkey) -> None:
    del valkey
    headers, client = bearer(made("alice")), strict()
    started = client.post(
        "/jobs/start/simulate/",
        {"seconds": 5, "steps": 5, "phases": 1},
        content_type="application/json",
        headers=headers,
    )
    assert started.status_code == HTTPStatus.ACCEPTED
    job = Job.objects.get(pk=started.json()["job"])
    assert job.owner == alice
    cancelled = client.post(f"/jobs/{job.pk}/cancel/", headers=headers)
    assert cancelled.status_code == HTTPStatus.ACCEPTED


def test_a_session_beside_the_token_still_needs_the_form_token(alice: User, job: Job) -> None:
    client = strict()
    client.force_login(alice)
    response = client.post(f"/jobs/{job.pk}/cancel/", headers=bearer(made("alice")))
    assert response.status_code == HTTPStatus.FORBIDDEN


def test_other_schemes_are_not_ours_and_need_the_form_token(alice: User, job: Job) -> None:
    client, basic = strict(), {"Authorization": "Basic YWxpY2U6c2VjcmV0", **JSON}
    url = f"/jobs/{job.pk}/"
    assert client.get(f"{url}status/", headers=basic).status_code == HTTPStatus.UNAUTHORIZED
    assert client.post(f"{url}cancel/", headers=basic).status_code == HTTPStatus.FORBIDDEN


def test_the_admin_takes_no_tokens(boss: User) -> None:
    response = strict().get("/admin/", headers=bearer(made("boss")))
    assert response.status_code == HTTPStatus.FOUND


def test_the_last_use_is_noted_once_a_minute(
    alice: User, job: Job, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text = made("alice")
    with django_assert_num_queries(6):  # reads both, and writes without waiting for a lock
        found = tokens.find(text)
    assert found
    assert found.owner == alice
    with django_assert_num_queries(2):
        tokens.find(text)
    before = timezone.now() - timedelta(minutes=2)
    ApiToken.objects.update(last_used_at=before)
    with django_assert_num_queries(6):
        tokens.find(text)
    last = ApiToken.objects.get().last_used_at
    assert last is not None
    assert last > before + timedelta(minutes=1)


def test_a_locked_database_keeps_nobody_waiting(transactional_db: None, alice: User) -> None:
    text = made("alice")
    with locked():
        begun = time.monotonic()
        assert tokens.find(text) is not None
        assert time.monotonic() - begun < 1
    assert ApiToken.objects.get().last_used_at is None


async def test_a_stream_takes_a_token(transactional_db: None, job: Job, alice: User) -> None:
    _, text = await sync_to_async(tokens.issue)(alice)
    response: Any = await AsyncClient().get(f"/jobs/{job.pk}/events/", headers=bearer(text))
    assert isinstance(response, EventStreamResponse)
    refused = await AsyncClient().get(f"/jobs/{job.pk}/events/", headers=bearer("pt_1_x"))
    assert (refused.status_code, refused["WWW-Authenticate"][:6]) == (401, "Bearer")
    await hub().close()


def test_a_request_without_a_token_costs_no_query_more(
    alice: User, job: Job, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = Client()
    client.force_login(alice)
    with django_assert_num_queries(3):  # session, user, and whether the job is hers
        client.head(f"/jobs/{job.pk}/events/")
    with django_assert_num_queries(0):
        Client().head(f"/jobs/{job.pk}/events/")


def test_staff_revoke_in_the_admin_and_change_nothing_else(alice: User, boss: User) -> None:
    text = made("alice", "--name", "laptop")
    token = ApiToken.objects.get()
    client = Client()
    client.force_login(boss)
    page = "/admin/headway/apitoken/"
    assert "laptop" in client.get(page).content.decode()
    shown = client.get(f"{page}{token.pk}/change/").content.decode()
    assert token.digest not in shown
    assert client.post(f"{page}{token.pk}/change/", {"name": "x"}).status_code == 403
    assert client.get(f"{page}add/").status_code == 403
    client.post(page, {"action": "revoke_tokens", "_selected_action": [str(token.pk)]})
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert tokens.find(text) is None


def test_who_has_had_a_token_can_be_deleted_in_the_admin(alice: User, boss: User) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    tokens.revoke(tokens.issue(alice)[0])
    tokens.issue(alice)
    client = Client()
    client.force_login(boss)
    url = f"/admin/auth/user/{alice.pk}/delete/"
    assert "permission to delete" not in client.get(url).content.decode()
    client.post(url, {"post": "yes"})
    assert not User.objects.filter(pk=alice.pk).exists()
    assert not ApiToken.objects.exists()
    job.refresh_from_db()
    assert job.owner is None


def test_whose_permission_to_delete_tokens_is_missing_deletes_no_user_with_one(
    alice: User, bob: User
) -> None:
    tokens.issue(alice)
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    bob.user_permissions.add(Permission.objects.get(codename="delete_user"))
    client = Client()
    client.force_login(bob)
    client.post(f"/admin/auth/user/{alice.pk}/delete/", {"post": "yes"})
    assert ApiToken.objects.get().owner == alice
