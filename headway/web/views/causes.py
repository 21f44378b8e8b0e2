"""Failures grouped by cause, with what is to be retried."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from headway.web import causes as found
from headway.web import questions
from headway.web.access import person, signed_in
from headway.web.listing import TOO_SLOW, title
from headway.web.questions import EVERYBODY, Question
from headway.web.responses import Wants, page, vary
from headway.web.time_limit import TooSlowError, limited


@require_safe
@never_cache
@signed_in
def causes(request: HttpRequest) -> HttpResponse:
    """What jobs failed by, of those that the question in the address is about; the page fetches
    that part again and again."""
    viewer = person(request)
    question, wrong = Question.read(request.GET.dict())
    browses = questions.may_ask_about_others(viewer)
    context = {
        "question": question,
        "wrong": wrong,
        "browses": browses,
        "title": title(question, browses),
        "list": question.query(status="bad", cause="", sort=""),
        "all_kinds": question.query(kind=""),
        "own": question.query(person=""),
        "everybody": question.query(person=EVERYBODY),
        "looked_at": found.LOOKED_AT,
    }
    try:
        with limited():
            context["causes"] = found.causes(question, viewer)
    except TooSlowError:
        context |= {"causes": found.Causes(), "too_slow": TOO_SLOW}
    if Wants.of(request) is Wants.PARTIAL:
        return vary(render(request, "headway/_causes.html", context))
    return page(request, "headway/causes.html", context)
