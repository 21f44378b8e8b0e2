"""Jobs of users who are deleted end with them, where the setting says so; else they belong to
nobody and run on. Those of deactivated users: janitor.py."""

from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import pre_delete

from headway.conf import conf
from headway.lifecycle import actions
from headway.models import Job, Status


def connect() -> None:
    """To the user model of the project."""
    pre_delete.connect(_cancel_all, sender=get_user_model(), dispatch_uid="headway.departed")


def _cancel_all(instance: Any, **_: Any) -> None:
    if not conf.JOB_CANCEL_DEACTIVATED:
        return
    theirs = Job.objects.filter(owner_id=instance.pk, max_attempts__gt=0)
    for job in theirs.filter(status__in=(Status.QUEUED, Status.RUNNING)):
        with suppress(actions.ActionError):
            actions.cancel(job, reason="Cancelled, because its user was deleted")
