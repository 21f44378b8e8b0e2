"""Sends what is in the outbox: each notice until its receiver has taken it, with growing pauses,
and at last no more."""

import json
import logging
import random
from collections.abc import Callable
from http.client import HTTPException
from threading import Event, Thread

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import close_old_connections, connections
from django.db.models import F, Min
from django.db.models.functions import Now
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext, override

from headway import users
from headway.conf import conf
from headway.kinds import registry
from headway.lifecycle import outbox, webhooks
from headway.lifecycle.lease import later
from headway.models import Channel, Notice, NoticeChoice, Status
from headway.stream.event import clean

logger = logging.getLogger(__name__)
AT_ONCE, PER_PERSON = 8, 2
"""Notices that are sent at the same time, and of them those of one person: a receiver that does not
answer must not keep those of others."""
CLAIM = 120.0
"""Seconds for which a notice is one janitor's: should it die, the next tries again."""
FIRST, GROWTH, LONGEST = 5.0, 6.0, 12 * 3600.0
"""Seconds of the first pause, how much longer each is, and the longest."""
UNWANTED = "Nobody wants it any more"


class GoneError(Exception):
    """It is of no use to try again; the message says why."""


def deliver() -> int:
    """Sends what is due, some at once; how many were dealt with. What fails is tried again
    later."""
    done: list[Notice] = []
    threads = [Thread(target=_attempt, args=(notice, done), daemon=True) for notice in _next()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CLAIM)
    return len(done)


def deliver_until(ended: Event) -> None:
    """Goes on doing so; the janitor's thread for it, since receivers take their time."""
    while not ended.is_set():
        try:
            close_old_connections()
            if deliver():
                continue
        except Exception as error:  # noqa: BLE001 - a database of any kind: it comes back
            logger.warning("Notices wait: %s", error)
        ended.wait(conf.JANITOR_EVERY)


def pause(tries: int) -> float:
    """Seconds until the next try after so many: 5 s, 30 s, 3 min, 18 min, 1.8 h, 10.8 h, 12 h."""
    return min(FIRST * GROWTH ** (tries - 1), LONGEST) * random.uniform(0.9, 1.1)  # noqa: S311 - not a secret


def _next() -> list[Notice]:
    """Of those who have waited longest, and of each only a few, however many are due."""
    due = Notice.objects.filter(due_at__lte=Now()).order_by("due_at")
    people = due.order_by().values("owner_id").annotate(first=Min("due_at")).order_by("first")
    owners = people.values_list("owner_id", flat=True)[:AT_ONCE]
    found = [notice for owner in owners for notice in due.filter(owner_id=owner)[:PER_PERSON]]
    return found[:AT_ONCE]


def _attempt(notice: Notice, done: list[Notice]) -> None:
    try:
        mine = Notice.objects.filter(pk=notice.pk, due_at__lte=Now(), tries=notice.tries)
        if mine.update(due_at=later(CLAIM), tries=F("tries") + 1):
            notice.tries += 1
            _settle(notice, *_tried(notice))
            done.append(notice)
    except Exception:  # the claim lapses
        logger.exception("Notice %s could not be dealt with", notice.pk)
    finally:
        connections.close_all()


def _tried(notice: Notice) -> tuple[str, bool]:
    """Why it was not taken ("": it was), and whether to try again."""
    try:
        _send(notice)
    except (GoneError, webhooks.RefusedError) as error:
        return str(error), False
    except (OSError, HTTPException) as error:
        return _told(error), True
    except Exception as error:  # what nobody thought of
        logger.exception("Notice %s could not be sent", notice.pk)
        return type(error).__name__, True
    return "", False


def _settle(notice: Notice, reason: str, again: bool) -> None:
    row = Notice.objects.filter(pk=notice.pk)
    if not reason:
        row.update(due_at=None, told_at=Now(), reason="")
    elif again and notice.tries < conf.NOTICE_MAX_TRIES:
        row.update(due_at=later(pause(notice.tries)), reason=clean(reason, 200))
    else:
        row.update(due_at=None, reason=clean(reason, 200))
        if reason != UNWANTED:
            logger.warning("Notice %s is given up: %s", notice.pk, reason)


def _send(notice: Notice) -> None:
    choice = outbox.chosen(notice.owner_id)
    wanted = notice.channel in conf.NOTICES and notice.channel in choice.channels()
    person = users.manager().filter(pk=notice.owner_id).first() if wanted else None
    if person is None or not users.is_active(person):
        raise GoneError(UNWANTED)
    WAYS[Channel(notice.channel)](notice, choice, person)


def _by_webhook(notice: Notice, choice: NoticeChoice, person: users.Person) -> None:
    del person
    body = json.dumps(
        {
            "type": "job.ended",
            "timestamp": notice.created_at.isoformat(),
            "data": {
                "id": str(notice.job_id),
                "kind": notice.kind,
                "status": notice.status,
                "link": link(notice, choice),
            },
        }
    ).encode()
    headers = webhooks.signed(choice, f"msg_{notice.pk.hex}", body)
    headers["Content-Type"] = "application/json"
    status = webhooks.post(choice.webhook_url, body, headers)
    if status == 410:  # "no longer": the receiver's own word for it
        raise GoneError("It answered 410 Gone")
    if not 200 <= status < 300:
        raise ConnectionError(f"It answered {status}")


def _by_email(notice: Notice, choice: NoticeChoice, person: users.Person) -> None:
    address = users.email(person)
    if not address:
        raise GoneError("The account has no e-mail address")
    with override(choice.language or settings.LANGUAGE_CODE):
        subject, text = _letter(notice)
    message = EmailMessage(subject, f"{text}\n\n{link(notice, choice)}\n", to=[address])
    # The same whenever it is sent, so that a mail client can show it once
    message.extra_headers["Message-ID"] = f"<{notice.pk.hex}@{_host(choice)}>"
    try:
        message.send()
    except Exception as error:  # its text tells of the site's mail server, not of theirs
        logger.warning("Notice %s was not taken by the mail server: %r", notice.pk, error)
        raise ConnectionError("The mail server did not take it") from error


def _letter(notice: Notice) -> tuple[str, str]:
    """Subject and text."""
    kind = registry.find(notice.kind)
    status = str(Status(notice.status).label).lower()
    title = gettext(kind.title) if kind else notice.kind
    text = gettext("A job of yours has ended: %(status)s.") % {"status": status}
    return f"{clean(title, 100)}: {status}", text


WAYS: dict[Channel, Callable[[Notice, NoticeChoice, users.Person], None]] = {
    Channel.EMAIL: _by_email,
    Channel.WEBHOOK: _by_webhook,
}


def link(notice: Notice, choice: NoticeChoice) -> str:
    """The address of the job's page, under SITE_URL or where the person uses the site."""
    try:
        path = reverse("headway:job", args=[notice.job_id])
    except NoReverseMatch:  # a project without these pages
        return ""
    return (conf.SITE_URL or choice.site).rstrip("/") + path


def _host(choice: NoticeChoice) -> str:
    return (conf.SITE_URL or choice.site).partition("://")[2].partition("/")[0] or "headway"


def _told(error: Exception) -> str:
    """An error in words that tell a person what to look at."""
    if isinstance(error, TimeoutError):
        return f"It did not answer within {webhooks.TIMEOUT:.0f} s"
    return str(error) or type(error).__name__
