"""Questions saved under a name: kept and deleted by the one who asks them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from headway.models import SavedQuestion
from headway.stream.event import clean
from headway.web.access import allowed, person, signed_in
from headway.web.questions import Question
from headway.web.responses import SeeOther, problem, vary

MAX_SAVED = 50
MAX_NAME = 60


@allowed("POST")
@signed_in
def save(request: HttpRequest) -> HttpResponse:
    """Saves the question of `query` as `name`; the same name again takes the newer question."""
    name = clean(request.POST.get("name", ""), MAX_NAME).strip()
    question = Question.read(QueryDict(request.POST.get("query", "")[:2000]).dict())[0]
    mine = SavedQuestion.objects.filter(owner_id=person(request).pk)
    if not name:
        return problem(request, 400, _("Give the question a name."))
    if mine.exclude(name=name).count() >= MAX_SAVED:
        return problem(
            request,
            409,
            _("You have {number} saved searches: delete one first.").format(number=MAX_SAVED),
        )
    query = question.query()
    mine.update_or_create(name=name, owner_id=person(request).pk, defaults={"query": query[:1000]})
    messages.success(request, _("Saved as “{name}”.").format(name=name))
    return _back(query)


@allowed("POST")
@signed_in
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Deletes one of one's own."""
    if pk > 2**63 - 1:
        raise Http404
    gone, _of = SavedQuestion.objects.filter(owner_id=person(request).pk, pk=pk).delete()
    if not gone:
        raise Http404
    return _back("")


def _back(query: str) -> HttpResponse:
    return vary(SeeOther(reverse("headway:index") + (f"?{query}" if query else "")))
