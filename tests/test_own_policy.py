"""A project's own policy, in place of ours, at every door."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.checks import run_checks
from django.db.models import QuerySet
from django.test import override_settings

from headway.models import Job
from headway.policy import Policy, policy
from tests.test_policy import CANCEL, DOORS, HERE, RETRY, acts, client_of, does, job

__all__ = ["job"]
OTHERS = [(what, door) for what, door in HERE if what != "tokens"]


class Nobody(Policy):
    """Nobody may do anything."""

    def visible(self, jobs: QuerySet[Job], user: Any) -> QuerySet[Job]:
        del user
        return jobs.none()

    def _no(self, *_: Any) -> bool:
        return False

    may_start = may_cancel = may_retry = may_see_inputs = _no  # type: ignore[assignment]
    may_see_tracebacks = may_browse = may_operate = _no  # type: ignore[assignment]
    may_delete = may_remove = may_export = may_erase = may_see_trail = _no  # type: ignore[assignment]


class Neighbours(Policy):
    """Everybody who is signed in sees and cancels everything, and only staff start."""

    def visible(self, jobs: QuerySet[Job], user: Any) -> QuerySet[Job]:
        return jobs if user.is_authenticated else jobs.none()

    def may_start(self, user: Any, kind: str) -> bool:
        return bool(user.is_staff) and kind != "add"

    def may_cancel(self, user: Any, job: Job) -> bool:
        return bool(self.visible(Job.objects.filter(pk=job.pk), user).exists())


class Broken(Policy):
    """Cannot be asked."""

    def __init__(self) -> None:
        raise RuntimeError("no connection to the directory")


def use(settings: Any, name: str) -> None:
    settings.HEADWAY = {**settings.HEADWAY, "POLICY": name}


@pytest.mark.parametrize(("what", "door"), OTHERS, ids=[f"{w}-{d}" for w, d in OTHERS])
@pytest.mark.parametrize("who", ["the owner", "a superuser"])
def test_every_door_asks_it(who: str, what: str, door: str, job: Job, settings: Any) -> None:
    use(settings, f"{__name__}.Nobody")
    client = client_of(who, job, "session")
    assert DOORS[what][door](client, job) is False


def test_lists_of_ones_own_jobs_ask_it(job: Job, settings: Any) -> None:
    Job.objects.filter(pk=job.pk).update(status="running")
    client = client_of("the owner", job, "session")
    assert all(str(job.pk) in client.get(path).content.decode() for path in ("/", "/jobs/tray/"))
    use(settings, f"{__name__}.Nobody")
    for path in ("/", "/jobs/tray/"):
        assert str(job.pk) not in client.get(path).content.decode()


@pytest.mark.parametrize("door", [acts("cancel_jobs", *CANCEL), acts("retry_jobs", *RETRY)])
def test_the_actions_of_the_admin_ask_it(door: Any, job: Job, settings: Any) -> None:
    use(settings, f"{__name__}.Nobody")
    assert door(client_of("a superuser", job, "session"), job) is False


def test_it_may_allow_more(job: Job, settings: Any) -> None:
    client = client_of("somebody else", job, "session")
    assert DOORS["sees a job"]["status"](client, job) is False
    use(settings, f"{__name__}.Neighbours")
    assert all(door(client, job) for door in DOORS["sees a job"].values())
    assert does("cancel", *CANCEL)(client, job) is True
    assert does("retry", *RETRY)(client, job) is True
    assert client.get("/jobs/start/simulate/").status_code == 403
    assert "/jobs/start/simulate/" not in client.get("/api/openapi.json").json()["paths"]
    assert not policy.visible(Job.objects.all(), AnonymousUser()).exists()


def test_a_change_of_the_settings_counts_at_once(alice: User) -> None:
    assert policy.may_start(alice, "add")
    with override_settings(HEADWAY={"POLICY": f"{__name__}.Nobody"}):
        assert not policy.may_start(alice, "add")
    assert policy.may_start(alice, "add")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.Policy", "No module named 'nowhere'"),
        ("Policy", "doesn't look like a module path"),
        (f"{__name__}.Missing", "does not define a"),
        (f"{__name__}.use", "no class that inherits"),
        ("headway.policy.policy", "no class that inherits"),
        ("headway.models.Job", "no class that inherits"),
        (f"{__name__}.Broken", "no connection to the directory"),
    ],
)
def test_one_that_cannot_be_asked_is_said_and_allows_nothing(
    db: None, settings: Any, name: str, said: str
) -> None:
    use(settings, name)
    (error,) = [each for each in run_checks() if each.id == "headway.E041"]
    assert said in error.msg
    with pytest.raises(Exception, match=said.replace("(", ".")):
        policy.may_browse(AnonymousUser())


def test_one_that_is_no_name_is_said(settings: Any) -> None:
    use(settings, 5)  # type: ignore[arg-type]
    assert "headway.E001" in {each.id for each in run_checks()}
