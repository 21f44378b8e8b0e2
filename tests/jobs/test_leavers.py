"""What becomes of the jobs of users who are deactivated or deleted is as the settings say."""

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from headway.lifecycle import janitor
from headway.models import AuditEntry, Status
from tests.jobs import rows
from tests.jobs.waiting import reload

pytestmark = pytest.mark.usefixtures("empty")


def test_jobs_of_deactivated_users_are_cancelled_where_the_setting_says_so(
    alice: User, bob: User, settings: Settings
) -> None:
    hers, running, his = rows.queued(owner=alice), rows.running(owner=alice)[0], rows.queued()
    rows.changed(his, owner=bob)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    janitor.see_to_deactivated()
    assert (reload(hers).status, reload(running).status) == ("queued", "running")
    settings.HEADWAY = settings.HEADWAY | {"JOB_CANCEL_DEACTIVATED": True}
    janitor.see_to_deactivated()
    assert [reload(job).status for job in (hers, running, his)] == [
        *("cancelled", "cancelling", "queued")
    ]
    assert reload(hers).reason == "Cancelled, because its user was deactivated"


def test_jobs_of_a_deleted_user_end_where_the_setting_says_so(
    alice: User, bob: User, settings: Settings
) -> None:
    his = rows.queued()
    rows.changed(his, owner=bob)
    bob.delete()
    assert reload(his).status == "queued"
    settings.HEADWAY = settings.HEADWAY | {"JOB_CANCEL_DEACTIVATED": True}
    hers, running = rows.queued(owner=alice), rows.running(owner=alice)[0]
    alice.delete()
    assert [reload(job).status for job in (hers, running)] == ["cancelled", "cancelling"]
    assert reload(hers).reason == "Cancelled, because its user was deleted"


def test_jobs_pass_to_somebody_where_the_setting_says_so(
    alice: User, bob: User, boss: User, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"JOB_SUCCESSOR": "nobody"}
    hers, his = rows.queued(owner=alice, notify=True), rows.running(owner=bob)[0]
    ended = rows.running(owner=alice)[0]
    rows.changed(ended, owner=alice, status=Status.SUCCEEDED)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    janitor.see_to_deactivated()
    assert reload(hers).owner == alice
    assert "no active user 'nobody' can take jobs over" in caplog.text
    settings.HEADWAY = settings.HEADWAY | {"JOB_SUCCESSOR": "boss"}
    janitor.see_to_deactivated()
    assert (reload(hers).owner, reload(hers).notify) == (boss, False)
    assert (reload(his).owner, reload(ended).owner) == (bob, alice)
    told = AuditEntry.objects.get(job_id=hers.pk)
    assert (told.verb, told.result) == ("pass on", "to boss: its user was deactivated")
    alice.delete()
    assert reload(ended).owner == boss
    boss.delete()
    assert reload(hers).owner is None
