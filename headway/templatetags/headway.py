"""Live bars for any template, and how values are written (`live/words.js` writes the same).

{% load headway %}
<head>{% headway_head %}</head>
... {% job_bar job %} ...
"""

import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import template
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from headway.conf import conf
from headway.kinds import json_values
from headway.lifecycle import queue
from headway.models import Job, Status
from headway.policy import policy
from headway.users import User
from headway.web.presenters import Shown, show, tray

register = template.Library()
SCRIPTS = (
    *("words", "still", "clicks", "channel", "locks", "connection", "turns", "tabs", "list"),
    *("bars", "element"),
)
"""Of live/, in the order in which they need each other; page.js comes last."""
DONE = "headway_head"
"""Noted with a page that has its head."""
SMALLEST = 1e-6
"""What is less is written as 0."""


@register.simple_tag(takes_context=True)
def headway_head(context: template.Context, *, title: bool = False) -> str:
    """The style sheet and scripts that live bars need, for the page's <head>; nothing the second
    time on a page. With `title`, the page's title says how far its jobs are, as on the app's own.

    Tabs of one browser share a stream where the page says who is signed in: by `user`, which
    Django's context processor `auth` provides.
    """
    whole_page: dict[Any, Any] = context.render_context.dicts[1]  # which includes and parents share
    if DONE in whole_page:
        return SafeString("")
    whole_page[DONE] = True
    return render_to_string("headway/_head.html", _head(context) | {"names_page": title})


def _head(context: template.Context) -> dict[str, Any]:
    viewer = _viewer(context).pk
    nonce = context.get("csp_nonce", getattr(context.get("request"), "csp_nonce", None))
    return {
        "nonce": "" if nonce is None else format_html(' nonce="{}"', str(nonce)),
        "sign_in": resolve_url(settings.LOGIN_URL),
        "heartbeat": conf.STREAM_KEEPALIVE,
        "nobody": uuid.UUID(int=0),
        "scripts": [f"headway/live/{name}.js" for name in SCRIPTS],
        "viewer": str(viewer or ""),
    }


@register.inclusion_tag("headway/_live_bar.html", takes_context=True)
def job_bar(context: template.Context, job: Job | uuid.UUID | str) -> dict[str, Any]:
    """The live bar of one job, or of a job's id, with its title, message and a link to its page;
    nothing for a job that no longer exists, or that the signed-in user may not see."""
    user = _viewer(context)
    wanted = job.pk if isinstance(job, Job) else uuid.UUID(str(job))
    seen = policy.visible(Job.objects.filter(pk=wanted), user)
    return {"items": show(list(seen.values_list("pk", flat=True)), user)}


@register.inclusion_tag("headway/_tray.html", takes_context=True)
def jobs_tray(context: template.Context) -> dict[str, Any]:
    """Live bars of the jobs of the signed-in user that have not ended, on any page; nothing on the
    app's list of jobs, which has them already."""
    user = _viewer(context)
    if not user.is_authenticated or context.get("lists_jobs"):
        return {}
    return tray(user)


def _viewer(context: template.Context) -> User:
    request = context.get("request")
    return context.get("user") or getattr(request, "user", None) or AnonymousUser()


@register.inclusion_tag("headway/_no_worker.html", takes_context=True)
def no_worker(
    context: template.Context, *, start: bool = False, ask: bool = True
) -> dict[str, Any]:
    """The banner that queued jobs wait in vain, which keeps itself current; with `start` also for
    a job that is about to be. Without `ask`, where Redis has just not answered, it begins empty."""
    user = context["request"].user
    return {"no_worker": ask and queue.no_worker(user, about_to_start=start), "start": start}


@register.simple_tag
def status_label(status: str) -> str:
    """What a person reads for a status."""
    return str(Status(status).label)


@register.filter
def plain(value: float | None) -> str:
    """A number as HTML attributes and JavaScript want it: 42, 42.3; "" for None."""
    return "" if value is None else f"{value:.10g}"


@register.filter
def figure(value: float | None) -> str:
    """12345 as 12,345; below ten with one decimal, below one with two digits, so that what is there
    never reads as nothing; "" for None."""
    if value is None:
        return ""
    if SMALLEST <= abs(value) < 1:
        return f"{Decimal(f'{value:.2g}'):f}".rstrip("0")
    if abs(value) < 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{round(value):,}"


@register.filter
def percent(snap: Mapping[str, Any]) -> str:
    """Whole percents reached, "" while the total is unknown."""
    value = snap.get("percent")
    return "" if value is None else f"{math.floor(value)}%"


@register.filter
def count(snap: Mapping[str, Any]) -> str:
    """How much is done, of how much: 512 of 1,024 kB."""
    current, total = snap.get("current"), snap.get("total")
    if current is None:
        return ""
    amount = figure(current) if total is None else f"{figure(current)} of {figure(total)}"
    return f"{amount} {snap.get('unit', '')}".rstrip()


@register.filter
def duration(seconds: float | None) -> str:
    """42 s, 3 min 05 s, 2 h 07 min; "" for None."""
    if seconds is None:
        return ""
    whole = max(0, math.floor(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


@register.filter
def ago(moment: datetime) -> str:
    """just now, 5 min ago, 3 h ago, then the date."""
    seconds = (timezone.now() - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    return date_format(timezone.localtime(moment), "j M Y")


@register.filter
def remaining(eta: float | None) -> str:
    """about 42 s, about 3 min, about 2 h 05 min; "" for None."""
    if eta is None:
        return ""
    if eta < 60:
        return f"about {duration(eta)}"
    return f"about {duration(math.ceil(eta / 60) * 60).replace(' 00 s', '')}"


@register.filter
def stall(quiet: float) -> str:
    """No progress for 4 min."""
    return f"No progress for {json_values.span(quiet)}"


@register.filter
def rate(value: float | None, unit: str = "") -> str:
    """1,234/s or 1,234 kB/s, and 12/min for what is slower than one a second; "" for None."""
    if value is None:
        return ""
    amount, time = (value * 60, "min") if value < 1 else (value, "s")
    return f"{figure(amount)} {unit}".rstrip() + f"/{time}"


@register.filter
def spoken(item: Shown) -> str:
    """What a screen reader says for the bar."""
    done = percent(item.snap) or count(item.snap)
    label = status_label(item.job.status)
    return f"{label}, {done}" if done else label
