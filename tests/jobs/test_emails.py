"""Who asked for e-mails gets one for each end, in their language and without a secret."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from headway.lifecycle import delivery, lease, outbox
from headway.lifecycle.traces import Traces
from headway.models import Job, Notice, Status
from tests.jobs import rows
from tests.support.stack import Valkey


@pytest.fixture
def wanted(valkey: Valkey, transactional_db: None, alice: User, settings: Settings) -> User:
    """Alice, who wants e-mails."""
    valkey.flush()
    settings.HEADWAY = settings.HEADWAY | {
        "NOTICES": ["email"],
        "SITE_URL": "https://jobs.example.com",
    }
    alice.email = "alice@example.com"
    alice.save()
    outbox.choose(alice.pk, {"email": True})
    return alice


def fails(owner: User) -> Job:
    """A job whose owner wants to be told, and which has failed; the outbox was seen to."""
    job, attempt = rows.running(owner=owner, notify=True)
    assert lease.settle(attempt, Status.FAILED, Traces(), reason="secret", result="secret")
    delivery.deliver()
    return rows.changed(job)


def test_it_says_how_the_job_ended_and_where(wanted: User) -> None:
    job = fails(wanted)
    [message] = mail.outbox
    assert (message.to, message.subject) == (["alice@example.com"], "Add two numbers: failed")
    assert f"https://jobs.example.com/jobs/{job.pk}/" in message.body
    assert "secret" not in str(message.message())


def test_what_the_mail_server_does_not_take_is_kept(wanted: User, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    fails(wanted)
    waiting = Notice.objects.get(told_at=None)
    assert (waiting.tries, waiting.reason) == (1, "The mail server did not take it")


def test_an_account_without_an_address_is_told_so(wanted: User) -> None:
    User.objects.update(email="")
    fails(wanted)
    assert Notice.objects.get(told_at=None).reason == "The account has no e-mail address"


def test_it_comes_in_the_language_in_which_its_reader_reads_pages(
    wanted: User, client: Client
) -> None:
    client.force_login(wanted)
    client.post("/jobs/notices/", {"email": "on"}, headers={"accept-language": "de"})
    fails(wanted)
    client.post("/me/language/", {"language": "en"})
    fails(wanted)
    german, english = mail.outbox
    assert german.subject.endswith(": gescheitert")
    assert "Ein Auftrag von Ihnen ist zu Ende" in german.body
    assert english.subject == "Add two numbers: failed"
