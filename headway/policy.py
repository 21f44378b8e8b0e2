"""Who may see and do what: the one place that every page, stream, message and action, and the
admin, ask. docs/operations.md has the rules as a table, which tests/test_policy.py tests at
every entry point."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any, cast

from django.core.checks import CheckMessage, Error
from django.core.signals import setting_changed
from django.db.models import QuerySet
from django.dispatch import receiver
from django.utils.module_loading import import_string

from headway.conf import conf
from headway.models import Job
from headway.users import User, is_active

logger = logging.getLogger(__name__)
VIEW, CHANGE, DELETE = "headway.view_job", "headway.change_job", "headway.delete_job"
START, CANCEL, RETRY = "headway.start_job", "headway.cancel_job", "headway.retry_job"
INPUTS, TRACEBACKS = "headway.see_inputs", "headway.see_tracebacks"
EXPORT, ERASE, TRAIL = "headway.export_job", "headway.erase_person", "headway.view_auditentry"


class Policy:
    """Owners see and change their jobs; staff those of others, with the permission for it.

    A method that raises refuses, as False does. `job` is None where the right would be for all.
    A project that has other rules names a class of its own, which inherits from this one, in
    `HEADWAY["POLICY"]`. One instance of it serves all threads.
    """

    def visible(self, jobs: QuerySet[Job], user: User) -> QuerySet[Job]:
        """Those of `jobs` that a user may see: state, progress, log, result and files."""
        if not is_active(user):
            return jobs.none()
        return jobs if self.may_browse(user) else jobs.filter(owner_id=user.pk)

    def may_start(self, user: User, kind: str) -> bool:
        """Whether a user may start jobs of a kind."""
        del kind
        return is_active(user) and (not conf.START_NEEDS_PERMISSION or _granted(user, START))

    def is_limited(self, user: User) -> bool:
        """Whether the limits on jobs per user hold for this one."""
        return not getattr(user, "is_superuser", False)

    def may_cancel(self, user: User, job: Job) -> bool:
        """Whether a user may cancel a job."""
        return _owns(user, job) or _has(user, CHANGE) or _has(user, CANCEL)

    def may_retry(self, user: User, job: Job) -> bool:
        """Whether a user may have a job run again."""
        if type(self).may_cancel is not Policy.may_cancel:
            return self.may_cancel(user, job)  # one rule of a project's is for both
        return _owns(user, job) or _has(user, CHANGE) or _has(user, RETRY)

    def may_delete(self, user: User, job: Job) -> bool:
        """Whether a user may delete a job that has ended."""
        return _owns(user, job) or _has(user, DELETE)

    def may_share(self, user: User, job: Job) -> bool:
        """Whether a user may make links to a job, and those that they made still open it."""
        return conf.SHARE_MAX_DAYS > 0 and _owns(user, job)

    def may_see_inputs(self, user: User, job: Job | None) -> bool:
        """Whether a user may see the parameters of a job, or search those of all."""
        return _owns(user, job) or (self.may_browse(user) and _has(user, INPUTS))

    def may_see_tracebacks(self, user: User, job: Job | None) -> bool:
        """Whether a user may see what went wrong inside: exceptions, their texts and tracebacks."""
        del job
        return self.may_browse(user) and _has(user, TRACEBACKS)

    def may_see_trail(self, user: User, job: Job | None) -> bool:
        """Whether a user may see who did what to a job, or with None to all, with addresses."""
        return _owns(user, job) or _has(user, TRAIL)

    def may_browse(self, user: User) -> bool:
        """Whether a user may look through the history of all jobs."""
        return any(_has(user, each) for each in (VIEW, CHANGE, CANCEL, RETRY, DELETE))

    def may_operate(self, user: User) -> bool:
        """Whether the history offers a user to cancel and retry; each job asks once more."""
        return any(_has(user, each) for each in (CHANGE, CANCEL, RETRY))

    def may_remove(self, user: User) -> bool:
        """Whether the history offers a user to delete jobs; each job asks once more."""
        return self.may_browse(user) and _has(user, DELETE)

    def may_export(self, user: User) -> bool:
        """Whether a user may export what they see of the history as a file."""
        return self.may_browse(user) and _has(user, EXPORT)

    def may_erase(self, user: User) -> bool:
        """Whether a user may export and erase all that is kept of a person."""
        return _has(user, ERASE)


def _owns(user: User, job: Job | None) -> bool:
    return job is not None and is_active(user) and job.owner_id == user.pk


def _has(user: User, permission: str) -> bool:
    """Staff alone are asked for permissions, which costs two queries. A user model that knows
    neither has nobody who sees the jobs of others."""
    if not is_active(user) or not getattr(user, "is_staff", False):
        return False
    return _granted(user, permission)


def _granted(user: User, permission: str) -> bool:
    has_perm = getattr(user, "has_perm", None)
    return has_perm is not None and bool(has_perm(permission))


@cache
def chosen() -> Policy:
    """One of the class that `HEADWAY["POLICY"]` names. Raises TypeError, and what its import
    raises: who cannot be asked allows nothing."""
    found = import_string(conf.POLICY)
    if not (isinstance(found, type) and issubclass(found, Policy)):
        raise TypeError(f"{conf.POLICY} is no class that inherits from headway.policy.Policy")
    return found()


def shows_own(user: User) -> bool:
    """Whether a user sees all their own jobs, whatever else, for certain and without being asked
    for permissions: so it is with the policy that comes with the app, but for staff."""
    rules = type(chosen())
    ours = rules.visible is Policy.visible and rules.may_browse is Policy.may_browse
    return ours and is_active(user) and not getattr(user, "is_staff", False)


def searches_inputs(user: User, *, own: bool) -> bool:
    """Whether a user may search the parameters of jobs, all of them their own or not. A database
    cannot ask the policy for each job, so one with rules of its own is asked about all."""
    ours = type(chosen()).may_see_inputs is Policy.may_see_inputs
    return (own and ours and is_active(user)) or allowed(chosen().may_see_inputs, user, None)


def allowed(rule: Callable[..., bool], *about: Any) -> bool:
    """What a rule says; no where it raises."""
    try:
        return bool(rule(*about))
    except Exception:
        logger.exception("The policy could not be asked")
        return False


def check(**_: Any) -> list[CheckMessage]:
    """`headway.E041`: a policy that cannot be asked, so that nobody may see or do anything."""
    try:
        chosen()
    except Exception as error:  # noqa: BLE001 - the import of a project's module raises anything
        hint = "Name a class that inherits from headway.policy.Policy, or leave it out."
        told = f"HEADWAY['POLICY']: {type(error).__name__}: {error}."
        return [Error(told, hint, id="headway.E041")]
    return []


class _Chosen:
    def __getattr__(self, name: str) -> Any:
        return getattr(chosen(), name)


policy = cast(Policy, _Chosen())
"""The one in use."""


@receiver(setting_changed)
def _reset(*, setting: str, **_: Any) -> None:
    if setting == "HEADWAY":
        chosen.cache_clear()
