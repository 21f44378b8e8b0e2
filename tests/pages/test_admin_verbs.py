"""The admin's filters, its search, the verbs on its page of a job, and a permission for each."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from headway.models import ACTIVE, AuditEntry, Job, Status
from headway.policy import policy
from tests.pages.conftest import MakeJob, client_of
from tests.support.users import make_user

LIST = "/admin/headway/job/"


def clerk(*codenames: str) -> User:
    """Somebody of staff with these permissions alone."""
    somebody = make_user("clerk")
    somebody.is_staff = True
    somebody.save()
    somebody.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=somebody.pk)


def found(client: Client, **query: str) -> list[Job]:
    return list(client.get(LIST, query).context["cl"].result_list)


def test_what_is_active_and_what_ended_badly(staffs: Client, make_job: MakeJob) -> None:
    jobs = {status: make_job(status) for status in Status}
    assert {*found(staffs, status="active")} == {jobs[status] for status in ACTIVE}
    assert {*found(staffs, status="badly")} == {jobs[Status.FAILED], jobs[Status.LOST]}
    assert found(staffs, status="lost") == [jobs[Status.LOST]]
    assert found(staffs, status="nonsense") == found(staffs, when="nonsense") == []


def test_yesterday_a_kind_and_a_person(staffs: Client, make_job: MakeJob, bob: User) -> None:
    today, old = make_job(), make_job(kind="import-csv", owner=bob)
    Job.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=1))
    assert found(staffs, when="yesterday") == [old]
    assert found(staffs, when="today") == [today]
    assert found(staffs, kind="import-csv") == found(staffs, owner="bob") == [old]
    assert found(staffs, owner="nobody") == []
    assert "Import CSV" in staffs.get(LIST).content.decode()


def test_names_are_offered_as_they_are_typed(staffs: Client, alices: Client, bob: User) -> None:
    offered = staffs.get(f"{LIST}people/", {"owner": "bo"}).content.decode()
    assert offered.count("<option") == 2  # bob and boss
    assert alices.get(f"{LIST}people/", {"owner": "bo"}).status_code == 302
    assert not staffs.get(f"{LIST}people/", {"owner": "a\0"}).content


def test_tracebacks_and_inputs_are_searched_by_who_may_see_them(
    staffs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED, params={"file": "people.csv"})
    job.attempts.update(error="Traceback: ZeroDivisionError")
    looker = client_of(clerk("view_job"))
    for word in ("ZeroDivisionError", "people.csv"):
        assert found(staffs, q=word) == [job]
        assert found(looker, q=word) == []


def test_the_page_of_a_job_moves_and_has_the_verbs(staffs: Client, make_job: MakeJob) -> None:
    job = make_job()
    address = f"{LIST}{job.pk}/change/"
    page = staffs.get(address).content.decode()
    assert 'hx-select="#job_form"' in page
    assert f"{LIST}{job.pk}/do/cancel/" in page
    assert staffs.get(f"{LIST}{job.pk}/do/cancel/").status_code == 405
    assert staffs.post(f"{LIST}{job.pk}/do/delete/").status_code == 404
    said = staffs.post(f"{LIST}{job.pk}/do/cancel/", follow=True).content.decode()
    assert "1 job cancelling." in said
    assert AuditEntry.objects.get(job_id=job.pk).via == "admin"
    Job.objects.filter(pk=job.pk).update(status=Status.FAILED)
    assert staffs.get(address, headers={"HX-Request": "true"}).status_code == 286
    assert f"{LIST}{job.pk}/do/retry/" in staffs.get(address).content.decode()


@pytest.mark.parametrize(
    ("codename", "may"),
    [
        ("view_job", {"browse"}),
        ("change_job", {"browse", "operate", "cancel", "retry"}),
        ("cancel_job", {"browse", "operate", "cancel"}),
        ("retry_job", {"browse", "operate", "retry"}),
        ("delete_job", {"browse", "remove", "delete"}),
        ("see_inputs", set()),
        ("see_tracebacks", set()),
        ("export_job", set()),
        ("erase_person", {"erase"}),
        ("view_auditentry", {"see_trail"}),
    ],
)
def test_each_verb_has_a_permission(codename: str, may: set[str], make_job: MakeJob) -> None:
    user, job = clerk(codename), make_job()
    about: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(("browse", "operate", "remove", "export", "erase"), (user,)),
        **dict.fromkeys(("cancel", "retry", "delete", "see_trail"), (user, job)),
        **dict.fromkeys(("see_inputs", "see_tracebacks"), (user, job)),
    }
    assert {what for what, args in about.items() if getattr(policy, f"may_{what}")(*args)} == may


def test_starting_may_take_a_permission(alice: User, settings: Any) -> None:
    assert policy.may_start(alice, "simulate")
    settings.HEADWAY = {**settings.HEADWAY, "START_NEEDS_PERMISSION": True}
    assert not policy.may_start(alice, "simulate")
    alice.user_permissions.add(Permission.objects.get(codename="start_job"))
    assert policy.may_start(User.objects.get(pk=alice.pk), "simulate")


def test_what_was_done_to_few_is_undone_by_the_button_of_its_message(
    staffs: Client, make_job: MakeJob
) -> None:
    jobs = [make_job(Status.QUEUED) for _ in range(2)]
    ticked = {"_selected_action": [str(job.pk) for job in jobs]}
    page = staffs.post(LIST, {"action": "cancel_jobs", **ticked}, follow=True).content.decode()
    [form] = re.findall(r'<form class="undo".*?</form>', page)
    assert "Undo, for 10 seconds" in form
    names = re.findall(r'name="_selected_action" value="([^"]+)"', form)
    said = staffs.post(LIST, {"action": "undo_jobs", "_selected_action": names}, follow=True)
    assert "2 jobs queued." in said.content.decode()
    assert [*Job.objects.values_list("status", flat=True)] == ["queued"] * 2


def test_the_page_of_a_job_has_undo(staffs: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED)
    page = staffs.post(f"{LIST}{job.pk}/do/retry/", follow=True).content.decode()
    assert f"{LIST}{job.pk}/do/undo/" in page
    staffs.post(f"{LIST}{job.pk}/do/undo/")
    job.refresh_from_db()
    assert job.status == "failed"
