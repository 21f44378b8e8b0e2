"""Live bars for any template, and formatting of values (`live/words.js` formats the same way).

{% load headway %}
<head>{% headway_head %}</head>
... {% job_bar job %} ...
"""

import uuid
from typing import Any

from django import template
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.shortcuts import resolve_url
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from headway.conf import conf
from headway.lifecycle import queue
from headway.models import Job
from headway.policy import policy
from headway.users import User
from headway.web import formatting, scripts, words
from headway.web.nonces import nonce_of
from headway.web.presenters import show, tray
from headway.web.told import said, told

register = template.Library()
DONE = "headway_head"
"""Noted with a page that has its head."""


@register.simple_tag(takes_context=True)
def headway_head(
    context: template.Context, *, title: bool = False, import_map: bool = False
) -> str:
    """The style sheet and scripts that live bars need, for the page's <head>; nothing the second
    time on a page. With `title`, the page's title says how far its jobs are, as on the app's own;
    with `import_map` scripts of the page may import from "headway/live.js".

    Tabs of one browser share a stream where the page says who is signed in: by its request, else
    by `user`.
    """
    whole_page: dict[Any, Any] = context.render_context.dicts[1]  # which includes and parents share
    if DONE in whole_page:
        return SafeString("")
    whole_page[DONE] = True
    options = {"names_page": title, "import_map": scripts.import_map() if import_map else ""}
    return render_to_string("headway/_head.html", _head(context) | options)


def _head(context: template.Context) -> dict[str, Any]:
    # A page for whoever has its link has events of its own, and shares them with no other tab
    events = context.get("events_address")
    viewer = None if events else _viewer(context).pk
    return {
        "nonce": nonce_of(context),
        "events": events or reverse("headway:my_events"),
        "sign_in": "" if events else resolve_url(settings.LOGIN_URL),
        "heartbeat": conf.STREAM_KEEPALIVE,
        "nobody": uuid.UUID(int=0),
        "modules": scripts.addresses(),
        "viewer": str(viewer or ""),
        "language": words.language(),
        "words": words.catalog(),
    }


@register.inclusion_tag("headway/_live_bar.html", takes_context=True)
def job_bar(context: template.Context, job: Job | uuid.UUID | str | None) -> dict[str, Any]:
    """The live bar of one job, or of a job's id, with its title, message and a link to its page;
    nothing for None, a job that no longer exists, or that the signed-in user may not see."""
    if job is None or job == "":  # a foreign key to a job that was pruned; a name without a value
        return {"items": []}
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
    """Who is signed in. A page about a user has that one in `user`, as Django's generic views do:
    it counts only where the template knows no request."""
    request = getattr(context, "request", None) or context.get("request")
    return getattr(request, "user", None) or context.get("user") or AnonymousUser()


@register.inclusion_tag("headway/_no_worker.html", takes_context=True)
def no_worker(
    context: template.Context,
    *,
    start: bool = False,
    ask: bool = True,
    waiting: bool | None = None,
) -> dict[str, Any]:
    """The banner that no worker takes queued jobs, which keeps itself up to date; with `start` also
    for a job that is about to be. Without `ask`, where Redis has just not answered, it begins
    empty. `waiting`: whether any is queued, where the page knows."""
    told = ask and queue.no_worker(_viewer(context), start or waiting)
    return {"no_worker": told, "start": start}


for write in (
    formatting.plain,
    formatting.figure,
    formatting.percent,
    formatting.count,
    formatting.duration,
    formatting.day,
    formatting.clock,
    formatting.exact,
    formatting.remaining,
    formatting.stall,
    formatting.rate,
    formatting.spoken,
    told,
    said,
):
    register.filter(write)
register.simple_tag(formatting.status_label)
register.simple_tag(formatting.when)
register.simple_tag(formatting.at)
