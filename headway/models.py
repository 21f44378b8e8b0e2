"""The history of every job: what was requested, how it ended, and each attempt at it."""

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from headway.api_token import ApiToken as ApiToken
from headway.api_token import Scope as Scope
from headway.audit_entry import AuditEntry as AuditEntry
from headway.audit_entry import Via as Via
from headway.notice import Channel as Channel
from headway.notice import Notice as Notice
from headway.notice import NoticeChoice as NoticeChoice
from headway.owners import OwnerField, forget
from headway.saved_question import SavedQuestion as SavedQuestion
from headway.share_link import ShareLink as ShareLink
from headway.share_link import SharePart as SharePart
from headway.upload import Upload as Upload


class Status(models.TextChoices):
    """Where a job stands. Only conditional updates in lease, actions and janitor change it."""

    QUEUED = "queued", _("Queued")
    "Accepted and stored; waits for a worker, or for the time of its next attempt."
    RUNNING = "running", _("Running")
    "A worker holds the lease and is at work."
    CANCELLING = "cancelling", _("Cancelling")
    "A cancel was requested and the worker has not answered yet."
    SUCCEEDED = "succeeded", _("Succeeded")
    "The task returned; its result is stored."
    FAILED = "failed", _("Failed")
    "The task raised an error or took longer than allowed."
    CANCELLED = "cancelled", _("Cancelled")
    "Stopped on request; a partial result may be stored."
    LOST = "lost", _("Lost")
    "The worker disappeared and no attempt is left."


ACTIVE = frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELLING})
HELD = frozenset({Status.RUNNING, Status.CANCELLING})
TERMINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.LOST})
NEWEST = ("-created_at", "-id")
FAILED = models.Q(cause__isnull=False)


class JobQuerySet(models.QuerySet["Job"]):
    def active(self) -> "JobQuerySet":
        return self.filter(status__in=ACTIVE)

    def finished(self) -> "JobQuerySet":
        return self.filter(status__in=TERMINAL)


class Job(models.Model):
    """One piece of work that a user requested. Its id is also the Celery task id and the log
    key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=100)
    title = models.CharField(_("title"), max_length=200)
    # Each index of lists begins with it: one of its own would only cost each start
    owner = OwnerField(
        settings.AUTH_USER_MODEL,
        forget,
        verbose_name=_("owner"),
        null=True,
        blank=True,
        related_name="jobs",
        db_index=False,
    )
    params = models.JSONField(
        _("parameters"), default=dict, blank=True, help_text=_("without its secrets")
    )
    # Not in what `dumpdata` and other serializers write.
    secrets = models.TextField(
        default="", blank=True, editable=False, serialize=False, help_text="of params, sealed"
    )
    options = models.JSONField(
        default=dict, blank=True, help_text="Celery options of this one start"
    )
    queue = models.CharField(_("queue"), max_length=200, blank=True)
    token = models.CharField(  # noqa: DJ001 - SQLite uses a partial index only for IS NOT NULL
        max_length=64,
        null=True,
        blank=True,
        help_text="SHA-256 of owner and key, or of owner, one-time token and fingerprint",
    )
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="of kind and parameters, where there is a token"
    )

    notify = models.BooleanField(default=False, help_text="tell its owner when it has ended")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    refused = models.BooleanField(
        default=False, help_text="its input was: another attempt would end the same way"
    )
    # Of a failure (lifecycle/causes.py). SQLite uses a partial index only for IS NOT NULL
    cause = models.CharField(max_length=16, null=True, blank=True)  # noqa: DJ001 - as above
    attempt = models.PositiveIntegerField(
        _("attempt"), default=0, help_text=_("number of the last attempt, 0 before the first")
    )
    # 0: none of ours, Celery runs it as it likes (lifecycle/observed.py)
    max_attempts = models.PositiveIntegerField(default=1)

    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="when the broker took the last message"
    )
    not_before = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(_("began at"), null=True, blank=True)
    finished_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=255, blank=True)

    # Progress as last committed, by lease renewals and the end; what moves is in Redis.
    percent = models.FloatField(null=True, blank=True)
    current = models.FloatField(null=True, blank=True)
    total = models.FloatField(null=True, blank=True)
    message = models.TextField(blank=True)
    phase = models.CharField(max_length=200, blank=True)
    warning_count = models.PositiveIntegerField(_("warnings"), default=0)

    result = models.JSONField(_("result"), null=True, blank=True)
    files = models.JSONField(
        _("files"),
        default=list,
        blank=True,
        help_text=_("names of the last attempt's result files"),
    )
    undo = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        serialize=False,
        help_text="the last verb, and what it changed, until the next attempt",
    )

    objects = JobQuerySet.as_manager()

    class Meta:
        default_permissions = ("view", "change", "delete")
        permissions = (
            ("start_job", "Can start jobs, where HEADWAY['START_NEEDS_PERMISSION'] is set"),
            ("cancel_job", "Can cancel any job"),
            ("retry_job", "Can retry any job"),
            ("export_job", "Can export the history and a person's data"),
            ("erase_person", "Can erase a person's data"),
            ("see_inputs", "Can see the inputs of any job"),
            ("see_tracebacks", "Can see tracebacks"),
        )
        ordering = NEWEST
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        indexes = (
            # For lists (web/history.py), which ask for the newest of each status.
            models.Index(fields=["owner", "status", *NEWEST], name="job_owner_status"),
            models.Index(fields=["owner", "kind", "status", *NEWEST], name="job_owner_kind"),
            models.Index(fields=["status", *NEWEST], name="job_status_created"),
            models.Index(fields=["kind", "status", *NEWEST], name="job_kind_created"),
            models.Index(fields=["owner", *NEWEST], name="job_owner_created"),
            models.Index(fields=[*NEWEST], name="job_created"),
            models.Index(fields=["finished_at"], name="job_finished"),
            models.Index(
                fields=["owner", "cause", "status", *NEWEST],
                condition=FAILED,
                name="job_owner_cause",
            ),
            models.Index(fields=["cause", "status", *NEWEST], condition=FAILED, name="job_cause"),
            models.Index(
                fields=["finished_at"], condition=~models.Q(secrets=""), name="job_has_secrets"
            ),
        )
        constraints = (
            # Not `unique`, whose two indexes on PostgreSQL also have those without a token
            models.UniqueConstraint(
                fields=["token"], condition=models.Q(token__isnull=False), name="job_token_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.title} ({self.get_status_display()})"

    def get_absolute_url(self) -> str:
        return reverse("headway:job", args=[self.pk])

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def observed(self) -> bool:
        """Whether it is a Celery task that is only observed: its row records what is seen of it."""
        return self.max_attempts == 0

    def file_path(self, name: str) -> str:
        """Storage name of one result file. Raises KeyError when the job has no such file."""
        if name not in self.files:
            raise KeyError(name)
        return result_path(self.pk, self.attempt, name)


def result_path(job: uuid.UUID, attempt: int, name: str) -> str:
    return f"results/{job}/{attempt}/{name}"


class Attempt(models.Model):
    """One run of a job by one worker; the error text is for the admin only."""

    # That an attempt has its number once is an index of its own
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    number = models.PositiveIntegerField()
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.RUNNING
    )
    worker = models.CharField(_("worker"), max_length=255, blank=True)
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="since when it waited for a worker"
    )
    started_at = models.DateTimeField(_("began at"))
    finished_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    progress = models.JSONField(default=dict, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    error = models.TextField(blank=True)
    warnings = models.JSONField(default=list, blank=True)
    lines = models.JSONField(default=list, blank=True)
    phases = models.JSONField(default=list, blank=True)
    samples = models.JSONField(
        default=list, blank=True, help_text="of percent and rate, in seconds since it started"
    )
    checkpoint = models.JSONField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ("job", "number")
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = (
            models.UniqueConstraint(fields=["job", "number"], name="attempt_number_once"),
        )

    def __str__(self) -> str:
        return str(self.number)


class LogChunk(models.Model):
    """Some lines of an attempt's log, compressed (lifecycle/whole_log.py)."""

    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="chunks")
    first = models.PositiveIntegerField(help_text="number of its first line")
    last = models.PositiveIntegerField(help_text="number of its last line")
    size = models.PositiveIntegerField(help_text="bytes")
    data = models.BinaryField(help_text="a line of JSON for each, in gzip")

    class Meta:
        default_permissions = ()
        ordering = ("attempt", "first")

    def __str__(self) -> str:
        return f"lines {self.first} to {self.last} of attempt {self.attempt_id}"
