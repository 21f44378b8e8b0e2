"""One verb for many jobs: asks once, with the number, and starts the job that does it. Forms alone,
so that all of it works without JavaScript."""

import uuid
from dataclasses import fields
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from headway.lifecycle import bulk
from headway.lifecycle.actions import ActionError
from headway.lifecycle.bulk import Selection
from headway.models import Job
from headway.web import history, questions
from headway.web.access import allowed, person, signed_in
from headway.web.presenters import show
from headway.web.responses import SeeOther, page, problem, vary

MINE = "mine"
SEEN_ALONE = ("stalled", "timed-out")
"""Statuses that no column has."""
TICK = gettext_noop("This question cannot be asked about many jobs: tick them instead.")
EXAMPLES = 5
"""Jobs that the question whether names."""


@bulk.question(MINE)
def mine(text: str, user: Any) -> QuerySet[Job]:
    """The jobs that a list shows by its query string. Raises ActionError where a part of that would
    be left out: it would be to act on more than was seen."""
    question = _read(text)
    if question.text or question.status in SEEN_ALONE:
        raise ActionError(_(TICK))
    return questions.asked(question, user).filter(status__in=question.statuses)


def _read(text: str) -> questions.Question:
    items = QueryDict(text).items()
    said = {name: str(value) for name, value in items if value and name != "after"}
    question, wrong = questions.Question.read(said)
    if wrong or said.keys() - {each.name for each in fields(question)}:
        raise ActionError(_(TICK))
    return question


@allowed("GET", "HEAD", "POST")
@signed_in
def many(request: HttpRequest) -> HttpResponse:
    """Of the jobs that `job` names, or with `all` of those that match `q`: asks whether to, and
    does `verb` to them once `confirmed`."""
    if request.method != "POST":
        return SeeOther(reverse("headway:index"))
    verb, user = request.POST.get("verb", ""), person(request)
    try:
        selection = selected(request)
        if verb not in bulk.VERBS:
            raise ActionError(_("Choose what to do: cancel, retry or delete."))
        number = selection.count(user)
        if not number:
            raise ActionError(_("Tick the jobs first: none of your jobs was chosen."))
        if request.POST.get("confirmed"):
            job = bulk.start(verb, selection, user, request.POST.get("token"))
            return vary(SeeOther(job.get_absolute_url()))
    except ActionError as refusal:
        return problem(request, 400, str(refusal))
    return page(request, "headway/many.html", asking(verb, selection, number, user))


def selected(request: HttpRequest) -> Selection:
    """What a form has chosen of somebody's own list. Those that have stalled are named one by one:
    it is Redis that knows them, now. Raises ActionError."""
    if not request.POST.get("all"):
        return Selection(ids=request.POST.getlist("job"))
    text = request.POST.get("q", "")
    question = _read(text)
    if question.status == "stalled":
        return Selection(ids=[str(pk) for pk in history.stalled(question, person(request))])
    return Selection(name=MINE, text=text)


def asking(verb: str, selection: Selection, number: int, user: Any) -> dict[str, Any]:
    """What a page needs to ask whether to: it promises what can be done to the `number` chosen."""
    possible = selection.count(user, verb)
    keys = selection.jobs(user).order_by().values_list("pk", flat=True)  # no order: any, soon
    examples = show(list(keys[:EXAMPLES]), user)
    kinds = [item.kind for item in examples] if verb == "retry" else []
    return {
        "effects": sorted({str(kind.effects) for kind in kinds if kind and kind.effects}),
        "verb": verb,
        "label": bulk.VERBS[verb][0],
        "possible": possible,
        "number": bulk.counted_of(possible, number),
        "selection": selection,
        "examples": [(item, item.job.status in bulk.SUITS[verb]) for item in examples],
        "more": number - len(examples),
        "undo": bulk.UNDO,
        "token": uuid.uuid4(),
    }
