"""Links that show one job to whoever has them: what they show, and when they no longer do."""

import re
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from headway.lifecycle import actions
from headway.lifecycle.log import log
from headway.lifecycle.snapshots import state
from headway.models import AuditEntry, Job, ShareLink, Status, result_path
from headway.policy import Policy
from headway.stream import Event
from headway.stream.sse import Decoder
from headway.web import sharing
from tests.pages.conftest import MakeJob
from tests.support.protocol import valid_message

ALL = ["result", "log", "inputs", "owner"]


class Broken(Policy):
    """One that cannot tell who may share."""

    def may_share(self, user: Any, job: Any) -> bool:
        raise RuntimeError(f"{user} {job}")


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    """One that Alice has cancelled, with everything that a link may show or not."""
    made = make_job(
        Status.CANCELLED,
        title="Import",
        params={"secret_plan": "the input"},
        result={"rows": "the result"},
        files=["out.txt"],
        reason="Cancelled by alice",
    )
    made.attempts.update(lines=[{"n": 1, "t": 0, "level": "info", "text": "the line"}])
    log().append(str(made.pk), Event("state", state(made), final=True), attempt=1, created=True)
    return made


def path_of(job: Job, alice: User, *parts: str, days: int = 7) -> str:
    return sharing.address(sharing.make(job, parts, days, alice))


def everything(path: str) -> str:
    """All that a stranger is given by a link."""
    stranger = Client()
    page = stranger.get(path)
    assert page.status_code == 200
    panel = stranger.get(f"{path}?view=panel", headers={"HX-Request": "true"})
    return "".join(each.content.decode() for each in (page, panel, stranger.get(f"{path}events/")))


def test_an_owner_makes_a_link_and_revokes_it_on_the_page(alices: Client, job: Job) -> None:
    assert f"/jobs/{job.pk}/share/" in alices.get(f"/jobs/{job.pk}/").content.decode()
    made = alices.post(f"/jobs/{job.pk}/share/", {"days": "1", "parts": ["log"]})
    assert made.status_code == 303
    page = alices.get(made["Location"])
    assert page["Cache-Control"] == "no-store"
    found = re.search(r'value="http://testserver(/jobs/shared/[^"]+)"', page.content.decode())
    assert found
    answer = Client().get(found[1])
    assert (answer.status_code, "the line" in answer.content.decode()) == (200, True)
    assert answer["Cache-Control"] == "no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer["X-Robots-Tag"]
    link = ShareLink.objects.get()
    assert (link.expires_at - timezone.now()).days == 0
    alices.post(f"/jobs/{job.pk}/share/{link.pk}/revoke/")
    assert Client().get(found[1]).status_code == 404
    assert Client().get(f"{found[1]}events/").status_code == 404
    told = list(AuditEntry.objects.order_by("pk").values_list("verb", "name", "result"))
    assert [(verb, name) for verb, name, _ in told] == [("share", "alice"), ("unshare", "alice")]
    assert told[0][2].endswith("UTC, with log")


def test_a_link_shows_nothing_that_was_not_chosen(job: Job, alice: User) -> None:
    shown = everything(path_of(job, alice))
    assert "Import" in shown
    assert "Cancelled" in shown
    for hidden in ("the input", "the result", "the line", "out.txt", "alice"):
        assert hidden not in shown


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("result", "the result"),
        ("log", "the line"),
        ("inputs", "the input"),
        ("owner", "alice"),
    ],
)
def test_it_shows_what_was_chosen_alone(part: str, text: str, job: Job, alice: User) -> None:
    shown = everything(path_of(job, alice, part))
    texts = {"the input", "the result", "the line", "alice"}
    assert {each for each in texts if each in shown} == {text}


def test_files_come_with_the_result(job: Job, alice: User) -> None:
    path = default_storage.save(result_path(job.pk, 1, "out.txt"), ContentFile(b"hello"))
    try:
        given = Client().get(f"{path_of(job, alice, 'result')}files/out.txt/")
        assert (given.status_code, given.getvalue()) == (200, b"hello")
        assert Client().get(f"{path_of(job, alice, 'log')}files/out.txt/").status_code == 404
    finally:
        default_storage.delete(path)


def test_its_stream_has_the_frames_of_the_protocol(make_job: MakeJob, alice: User) -> None:
    job = make_job(result={"rows": 1})
    key = str(job.pk)
    log().append(key, Event("state", state(job)), attempt=1, created=True)
    path = f"{path_of(job, alice)}events/"
    cursor = log().read([key]).cursor
    for kind in ("log", "output"):
        log().append(key, Event(kind, {"job": key, "attempt": 1, "text": "said"}), attempt=1)
    job.status = Status.SUCCEEDED
    log().append(key, Event("state", state(job), final=True), attempt=1)
    for asked in ("", f"?cursor={cursor}"):
        got = [*Decoder().feed(Client().get(path + asked).content)]
        for message in got:
            valid_message(message)
        events = {message.event for message in got}
        assert events <= {"snapshot", "state", "progress", "done"}
        assert {"done"} < events
        assert "said" not in str(got)
        assert '"result":null' in str(got)
    assert "done" not in {
        m.event for m in Decoder().feed(Client().get(f"{path}?job={key}").content)
    }
    head = Client().head(path)
    assert (head.status_code, head["Content-Type"]) == (200, "text/event-stream")


def test_who_is_named_in_a_reason_is_hidden(make_job: MakeJob, alice: User) -> None:
    """As long as these are the reasons that name somebody."""
    job = actions.cancel(make_job(Status.QUEUED), alice)
    assert "alice" in job.reason
    assert "alice" not in everything(path_of(job, alice))
    job = actions.retry(job, alice)
    assert "alice" in job.reason
    assert "alice" not in everything(path_of(job, alice))


@pytest.mark.parametrize("who", ["bob", "boss"])
def test_nobody_shares_the_jobs_of_others(
    who: str, job: Job, alice: User, request: pytest.FixtureRequest
) -> None:
    client = Client()
    client.force_login(request.getfixturevalue(who))
    link = sharing.make(job, [], 7, alice)
    assert client.get(f"/jobs/{job.pk}/share/").status_code == 404
    assert client.post(f"/jobs/{job.pk}/share/", {"days": "7"}).status_code == 404
    assert client.post(f"/jobs/{job.pk}/share/{link.pk}/revoke/").status_code == 404
    assert f"/jobs/{job.pk}/share/" not in client.get(f"/jobs/{job.pk}/").content.decode()
    assert sharing.find(sharing.token_of(link)) is not None


def test_another_jobs_link_is_not_revoked(
    alices: Client, job: Job, make_job: MakeJob, alice: User
) -> None:
    link = sharing.make(make_job(), [], 7, alice)
    assert alices.post(f"/jobs/{job.pk}/share/{link.pk}/revoke/").status_code == 404


@pytest.mark.parametrize("days", ["0", "31", "-1", "x", ""])
def test_how_long_it_lasts_is_limited(days: str, alices: Client, job: Job) -> None:
    assert alices.post(f"/jobs/{job.pk}/share/", {"days": days}).status_code == 400
    assert not ShareLink.objects.exists()


def test_a_job_has_so_many_links_and_no_more(alices: Client, job: Job, alice: User) -> None:
    for _ in range(sharing.MOST):
        sharing.make(job, [], 7, alice)
    answer = alices.post(f"/jobs/{job.pk}/share/", {"days": "7"})
    assert (answer.status_code, "revoke one first" in answer.content.decode()) == (400, True)


def expire(link: ShareLink, alice: User, settings: Settings) -> None:
    ShareLink.objects.filter(pk=link.pk).update(expires_at=timezone.now())


def lock_out(link: ShareLink, alice: User, settings: Settings) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def give_away(link: ShareLink, alice: User, settings: Settings) -> None:
    Job.objects.filter(pk=link.job_id).update(owner=None)


def switch_off(link: ShareLink, alice: User, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"SHARE_MAX_DAYS": 0}


def break_the_policy(link: ShareLink, alice: User, settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"POLICY": f"{__name__}.Broken"}


def change_the_key(link: ShareLink, alice: User, settings: Settings) -> None:
    settings.SECRET_KEY = "another" * 10


ENDS = [expire, lock_out, give_away, switch_off, break_the_policy]


@pytest.mark.parametrize("end", [*ENDS, change_the_key])
def test_it_opens_nothing_once_it_does_not_hold(
    end: Any, job: Job, alice: User, settings: Settings
) -> None:
    link = sharing.make(job, ALL, 7, alice)
    path = sharing.address(link)
    end(link, alice, settings)
    for more in ("", "?view=panel", "events/", "files/out.txt/"):
        assert Client().get(path + more).status_code == 404
    assert Client().head(f"{path}events/").status_code == 404


@pytest.mark.parametrize("end", ENDS)
def test_its_open_streams_are_to_be_ended(
    end: Any, job: Job, alice: User, settings: Settings
) -> None:
    link = sharing.make(job, [], 7, alice)
    assert sharing.holding([link.pk, uuid.uuid4()]) == [link]
    end(link, alice, settings)
    assert sharing.holding([link.pk]) == []


@pytest.mark.parametrize("token", ["x", "{pk}", "{pk}.x", "{pk}.", "." * 300, "%00", "a.b.c"])
def test_an_address_that_was_not_given_out_opens_nothing(token: str, job: Job, alice: User) -> None:
    link = sharing.make(job, ALL, 7, alice)
    assert Client().get(f"/jobs/shared/{token.format(pk=link.pk)}/").status_code == 404
    assert sharing.find(sharing.token_of(link).replace(".", ".A")) is None


def test_links_go_with_their_job_and_survive_a_rotated_key(
    job: Job, alice: User, settings: Settings
) -> None:
    path = path_of(job, alice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    assert Client().get(path).status_code == 200
    job.delete()
    assert Client().get(path).status_code == 404
    assert not ShareLink.objects.exists()


def test_days_to_choose_from_end_with_the_limit(settings: Settings) -> None:
    assert sharing.choices() == [1, 7, 30]
    settings.HEADWAY = settings.HEADWAY | {"SHARE_MAX_DAYS": 10}
    assert sharing.choices() == [1, 7, 10]


def test_the_forms_of_its_page_are_sent_with_their_origin(alices: Client, job: Job) -> None:
    """Without scripts they are plain forms, whose origin Django compares."""
    answer = alices.get(f"/jobs/{job.pk}/share/")
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "no-store"
