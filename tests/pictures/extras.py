"""What the album shows beside the demo: jobs with the worst of texts, tokens, saved questions,
links, and pages of faults, which no address leads to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from headway.lifecycle import snapshots
from headway.lifecycle.log import log
from headway.models import (
    ApiToken,
    Attempt,
    Job,
    SavedQuestion,
    Scope,
    ShareLink,
    SharePart,
    Status,
)
from headway.stream import Event
from headway.web import listing, sharing, tokens
from headway.web.responses import ERRORS, page, problem
from headway.web.sign_in import link_path
from headway.web.time_limit import TooSlowError
from headway.web.views.errors import server_error
from jobs.demo import cast, scenes
from jobs.demo.rows import TOKEN, identity, rows
from jobs.demo.story import Story

MARKUP = "<script>alert('ä')</script><b>bold</b> & \"quoted\" "
STALLED = 30
"""Seconds after which a job that does not move counts as stalled."""
RIGHT = "\N{RIGHT-TO-LEFT OVERRIDE}\N{HEBREW LETTER ALEF}\N{HEBREW LETTER SHIN} abc "
WORST = (MARKUP + RIGHT + "👩🏽‍💻 " + "Donaudampfschifffahrtsgesellschaft" * 8) * 25
"""Some 10,000 characters: markup, right to left, emoji, and words without a place to break."""
STORIES = (
    Story(
        *("silent", "simulate", "Says nothing", Status.RUNNING, 0.3),
        took=1000,
        percent=None,
    ),
    Story(
        *("hostile", "simulate", WORST, Status.FAILED, 39),
        params={"seconds": 5, "steps": 2, WORST[:300]: WORST},
        message=WORST[:500],
        phases=[f"{number} {WORST[:190]}" for number in range(40)],
        lines=[WORST[:2000], "\t".join("columns"), "x" * 2000, *(RIGHT * 9 for _ in range(9))],
        warnings=[(f"{MARKUP}{each}", WORST[: 300 + each % 9]) for each in range(60)],
        reason=WORST[:500],
        error=f"{scenes.TRACEBACK}{WORST}",
        result={WORST[:200]: WORST, "rows": [{"a" * 90: WORST[:900], "b": 1}] * 30},
        files={f"{'w' * 90}.csv": MARKUP},
        before=[(Status.FAILED, WORST[:500], 3)] * 4,
    ),
)
QUESTIONS = {
    "Failed imports": "status=failed&kind=import-csv",
    "Everybody's, the longest first": "person=*&sort=longest",
    "W" * 60: "text=nowhere",
}


def make(ada: User) -> dict[str, str]:
    """Stores it; returns what stands in the paths of the album: ids of jobs, addresses of links."""
    people, now = cast.people(), timezone.now()
    for story in STORIES:
        made = rows(story, people, now)
        made.job.save(force_insert=True)
        Attempt.objects.bulk_create(made.attempts)
        Job.objects.filter(pk=made.job.pk).update(created_at=now - timedelta(hours=story.ago))
    # Nobody serves that queue, so that it waits for as long as it is looked at
    output: dict[str, Any] = {"job": str(identity(STORIES[1])), "attempt": 5, "text": WORST * 3}
    log().append(output["job"], Event("output", output), attempt=5)
    Job.objects.filter(token=f"{TOKEN}queued").update(queue="reports", published_at=now)
    for name, query in QUESTIONS.items():
        SavedQuestion.objects.create(owner=ada, name=name, query=query)
    known = {each.name: str(identity(each)) for each in (*scenes.all_states(), *STORIES)}
    warned = Job.objects.get(pk=known["warned"])
    links = {"link-all": SharePart.values, "link-little": []}
    known["sign-in-link"] = link_path(ada)
    return known | {
        name: sharing.address(sharing.make(warned, parts, 7, ada)) for name, parts in links.items()
    }


def begin(ada: User) -> None:
    """What one round of pictures has made, the next one does not find."""
    newest = ShareLink.objects.order_by("-created_at")
    ShareLink.objects.filter(pk__in=[each.pk for each in newest[: len(newest) - 2]]).delete()
    again = timezone.now() + timedelta(hours=14)
    Job.objects.filter(token=f"{TOKEN}scheduled").update(
        **dict.fromkeys(("undo", "finished_at", "cancel_requested_at")),
        status=Status.QUEUED,
        reason="",
        not_before=again,
    )
    ApiToken.objects.all().delete()
    old, _text = tokens.issue(ada, "laptop", lasts=timedelta(days=30))
    ApiToken.objects.filter(pk=old.pk).update(
        created_at=timezone.now() - timedelta(days=32),
        expires_at=timezone.now() - timedelta(days=2),
    )
    read, _text = tokens.issue(ada, "status page in the hall", scope=Scope.READ)
    ApiToken.objects.filter(pk=read.pk).update(
        created_at=timezone.now() - timedelta(days=5),
        last_used_at=timezone.now() - timedelta(hours=3),
    )


def keep_moving(stalled: str) -> None:
    """What moves says so again, but for one job."""
    moving = Attempt.objects.filter(job__status__in=(Status.RUNNING, Status.CANCELLING))
    for attempt in moving.exclude(job_id=stalled):
        event = Event("progress", attempt.progress)
        log().append(str(attempt.job_id), event, attempt=attempt.number)


def quiet(key: str) -> float:
    """Seconds since a job has moved."""
    job = Job.objects.get(pk=key)
    _cursor, states = snapshots.live([job])
    return snapshots.snapshot(job, states.get(key))["quiet"] or 0.0


@contextmanager
def _no_time() -> Iterator[None]:
    yield from _too_late()


def _too_late() -> Iterator[None]:
    raise TooSlowError


def too_slow(ada: User, locale: str) -> str:
    """A question that took too long."""
    client = Client(SERVER_NAME="localhost")
    client.force_login(ada)
    with patch.object(listing, "limited", _no_time):  # nothing is slow among so few jobs
        answer = client.get("/?text=invoice", headers={"accept-language": locale})
    return answer.content.decode()


def fault(ada: User, status: int) -> str:
    """The page of a status, in the language that is active."""
    request = RequestFactory().get("/", headers={"accept": "text/html"})
    request.user = ada
    if status == 500:
        return server_error(request).content.decode()
    sentence = ""
    if status == 429:
        sentence = _("You can start at most {number} jobs a minute. Try again in a moment.").format(
            number=600
        )
    return problem(request, status, sentence).content.decode()


def _page(ada: User, template: str, context: dict[str, Any]) -> str:
    request = RequestFactory().get("/")
    request.user = ada
    return page(request, template, context).content.decode()


def shown(ada: User, locale: str, shop: Template, known: dict[str, str]) -> dict[str, str]:
    """The pages below /shown/ that are not asked for."""
    with translation.override(locale):
        pages = {str(status): fault(ada, status) for status in ERRORS}
        jobs: dict[str, Any] = {
            "index": Job.objects.get(pk=known["running"]),
            "february": Job.objects.get(pk=known["failed"]),
            "march": Job.objects.get(pk=known["warned"]),
        }
        bars = shop.render(Context({"user": ada, "shows": "bars", "heading": "Shop", **jobs}))
        tray = shop.render(Context({"user": ada, "shows": "tray", "heading": "Shop", **jobs}))
        asks = {"job": jobs["february"], "effects": "Sends a letter to every customer"}
        again = _page(ada, "headway/confirm_retry.html", asks)
    pages |= {"shop": bars, "tray": tray, "confirm-retry": again}
    return {**pages, "too-slow": too_slow(ada, locale)}
