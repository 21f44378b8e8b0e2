"""The admin's search: one pass over the newest jobs, however long the history is."""

import contextlib
import json
import uuid
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IsNull
from django.utils.text import smart_split, unescape_string_literal

from headway import users
from headway.models import Attempt, Job
from headway.policy import policy

WINDOW = 5_000
"""Jobs, the newest that the filters leave, through which words are looked for."""
MOST, MOST_PEOPLE = 500, 200
"""Jobs that a search finds at most, the newest, and people of whose jobs it does."""


def search(jobs: QuerySet[Job], text: str, user: Any) -> QuerySet[Job]:
    """Those of `jobs` that have every word in title, reason, what an attempt said, or the owner's
    name; in parameters and tracebacks for who may see them. An id finds its job."""
    with contextlib.suppress(ValueError):
        return jobs.filter(pk=uuid.UUID(text.strip()))
    newest = jobs.order_by("-created_at", "-pk")
    # By a time and not by their ids, which would be thousands of values; nor by a subquery, for
    # which PostgreSQL looks for the words in all rows first
    ends = [*newest.values_list("created_at", flat=True)[WINDOW - 1 : WINDOW]]
    found = newest.filter(created_at__gte=ends[0]) if ends else newest
    found = found.alias(params_text=Cast("params", TextField()))
    for word in _words(text):
        found = found.filter(_has(word, user))
    return jobs.filter(pk__in=[*found.values_list("pk", flat=True)[:MOST]])


def _has(word: str, user: Any) -> Q:
    has = Q(title__icontains=word) | Q(reason__icontains=word)
    if policy.may_see_inputs(user, None):
        # SQLite keeps JSON as it is written, in ASCII
        has |= Q(params_text__icontains=word) | Q(params_text__icontains=json.dumps(word)[1:-1])
    people = users.manager().filter(**{f"{users.name_field()}__icontains": word})
    has |= Q(owner_id__in=[*people.values_list("pk", flat=True)[:MOST_PEOPLE]])
    said = Q(reason__icontains=word)
    if policy.may_see_tracebacks(user, None):
        said |= Q(error__icontains=word)
    # Not by Exists, for which PostgreSQL reads all attempts there are into a hash
    attempts = Attempt.objects.filter(said, job=OuterRef("pk")).order_by().values("pk")[:1]
    return has | Q(IsNull(Subquery(attempts), False))


def _words(text: str) -> list[str]:
    """As Django's own search has them: what is in quotes is one."""
    found = []
    for word in smart_split(text):
        quoted = len(word) > 1 and word[0] in "\"'" and word[0] == word[-1]
        found.append(unescape_string_literal(word) if quoted else word)
    return found
