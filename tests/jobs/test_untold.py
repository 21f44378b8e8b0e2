"""What an exception says reaches nobody for whom it was not written."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from headway import JobError
from headway.kinds.masking import Mask
from headway.lifecycle import actions, errors
from headway.lifecycle.actions import ActionError
from headway.models import Job
from tests.jobs.conftest import TaskWorker
from tests.jobs.private_kinds import INSIDE, MuteError
from tests.jobs.waiting import ended, events, states
from tests.pages.conftest import client_of
from tests.support.processes import wait_until

REFERENCE = re.compile(r"by the reference ([0-9A-Z]{8})$")


def reference(job: Job) -> str:
    found = REFERENCE.search(job.reason)
    assert found, job.reason
    return found[1]


def read_by(user: User, job: Job) -> Iterator[str]:
    """Everything that a person reads of a job."""
    client = client_of(user)
    for path in ("/", f"/jobs/{job.pk}/", f"/jobs/{job.pk}/status/", f"/jobs/{job.pk}/row/"):
        yield client.get(path).content.decode()
    yield str(events(job))


@pytest.mark.parametrize("how", ["value", "database", "exit", "retry"])
def test_its_text_is_in_the_admin_and_the_log_and_nowhere_else(
    running: TaskWorker, alice: User, boss: User, how: str
) -> None:
    job = ended(actions.start("tells", {"how": how}, owner=alice))
    wait_until(lambda: states(job)[-1] == "failed")
    for page in read_by(alice, job):
        assert "s3cr3t" not in page
        assert "OperationalError" not in page
        assert reference(job) in page
    assert INSIDE in job.attempts.get(number=job.attempt).error
    wait_until(lambda: f"Job {job.pk}: reference {reference(job)}: " in running.output)
    admin = Client()
    admin.force_login(boss)
    found = admin.get("/admin/headway/job/", {"q": reference(job)})
    assert found.content.decode().count(str(job.pk)) > 0
    assert INSIDE in admin.get(f"/admin/headway/job/{job.pk}/change/").content.decode()


@pytest.mark.usefixtures("running")
def test_the_reference_of_an_earlier_attempt_still_finds_the_job(alice: User, boss: User) -> None:
    job = ended(actions.start("tells", {"how": "value"}, owner=alice))
    other = ended(actions.start("tells", {"how": "told"}, owner=alice))
    first = reference(job)
    actions.retry(job)
    job = ended(job)
    assert reference(job) != first
    found = client_of(boss).get("/admin/headway/job/", {"q": first}).content.decode()
    assert str(job.pk) in found
    assert str(other.pk) not in found


@pytest.mark.usefixtures("running")
def test_what_was_written_for_users_is_shown_and_has_no_reference() -> None:
    job = ended(actions.start("tells", {"how": "told"}))
    assert job.reason == "Please choose another file."


@pytest.mark.usefixtures("running")
def test_an_exception_that_a_task_catches_and_passes_on_is_not_told_either() -> None:
    job = ended(actions.start("tells", {"how": "mute"}))
    assert reference(job)  # of one that has no text at all
    wait_until(lambda: states(job)[-1] == "failed")
    assert "s3cr3t" not in str(events(job)) + str(job.attempts.values())
    assert job.message == "ValueError"
    unknown, *ours = [warning["reason"] for warning in job.attempts.get().warnings]
    assert REFERENCE.search(unknown)
    assert ours == ["It has no date.", "Too long. Too late."]


@pytest.mark.parametrize("error", [JobError("Say this."), ActionError("Say this.\nAnd no more.")])
def test_the_first_line_of_ours_is_what_users_read(error: Exception) -> None:
    assert errors.sentence(error, Job().pk, Mask()) == "Say this."


@pytest.mark.parametrize("error", [JobError(), SystemExit(INSIDE), ValueError(INSIDE)])
def test_of_others_it_is_a_reference(error: BaseException) -> None:
    told = errors.sentence(error, Job().pk, Mask())
    assert REFERENCE.search(told)
    assert "s3cr3t" not in told


def test_an_exception_without_a_text_may_have_a_secret_behind_it() -> None:
    with pytest.raises(MuteError) as raised:
        raise MuteError from ValueError("no entry with hunter2")
    mask = Mask(["hunter2"])
    assert repr(errors.without_secrets(raised.value, mask)) == "MaskedError('MuteError: ')"
    assert "hunter2" not in errors.trace(raised.value, mask)


def test_developers_may_read_more(settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"JOB_SHOW_ERRORS": True}
    told = errors.sentence(ValueError("odd"), Job().pk, Mask())
    assert "odd" not in told  # without DEBUG
    settings.DEBUG = True
    told = errors.sentence(ValueError("wrong"), Job().pk, Mask())
    assert re.fullmatch(r"ValueError: wrong \(reference [0-9A-Z]{8}\)", told)
