"""One verb for many jobs: named ones, or all that match a question, asked in batches by a job of
its own. Rights are those of the person at the time of doing."""

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from headway.kinds.numbers import grouped
from headway.lifecycle import actions, removal, turns
from headway.lifecycle.actions import ActionError
from headway.models import TERMINAL, Job, Status
from headway.policy import policy

ACT, EXPORT, PERSON = turns.ACT, "headway-export", "headway-person"
"""The kinds of the jobs that do it."""
MOST, NAMED, BATCH = 100_000, 1000, 200
"""Jobs that one such job looks at, that can be named one by one, and that are read at once."""
UNDO = 10
"""Seconds before it begins, in which it can be called off (lifecycle/undo.py)."""
COUNTED = 10_000
"""Jobs that are counted before, at most."""
Question = Callable[[str, Any], QuerySet[Job]]
VERBS: dict[str, tuple[Any, Callable[..., Job]]] = {
    "cancel": (gettext_lazy("Cancel"), actions.cancel),
    "retry": (gettext_lazy("Retry"), actions.retry),
    "delete": (gettext_lazy("Delete"), removal.delete),
}
"""What its button says, and what is done."""
SUITS = {
    "cancel": (Status.QUEUED, Status.RUNNING),
    "retry": actions.RETRYABLE,
    "delete": tuple(TERMINAL),
}
"""Statuses of the jobs to which it can be done."""
QUESTIONS: dict[str, Question] = {}


def question(name: str) -> Callable[[Question], Question]:
    """Makes a function a question by name: it answers, of a text such as a query string and a
    person, with the jobs that match."""

    def register(asked: Question) -> Question:
        QUESTIONS[name] = asked
        return asked

    return register


@dataclass(frozen=True)
class Selection:
    """Which jobs: those of `ids`, or all that match `text`, asked of the question called `name`."""

    ids: Sequence[str] = ()
    name: str = ""
    text: str = ""

    def stored(self) -> str:
        """As a parameter of a job."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Selection":
        """Of what `stored` gave."""
        return cls(**json.loads(text))

    def jobs(self, user: Any) -> QuerySet[Job]:
        """Those of them that a person may see now, in the order of their keys. Raises ActionError
        for what is no question."""
        if self.name:
            if self.name not in QUESTIONS:
                raise ActionError(_("This question can no longer be asked."))
            found = QUESTIONS[self.name](self.text, user)
        else:
            found = Job.objects.filter(pk__in=_keys(self.ids))
        return policy.visible(found, user).order_by("pk")

    def count(self, user: Any, verb: str = "") -> int:
        """How many they are, or those to which a verb can be done, up to COUNTED and one more. In
        any order: in that of keys, SQLite walks through all jobs, of everybody."""
        jobs = self.jobs(user).filter(status__in=SUITS[verb]) if verb else self.jobs(user)
        return len(jobs.order_by().values_list("pk")[: COUNTED + 1])

    def batches(self, user: Any, before: datetime, after: str | None) -> Iterator[list[Job]]:
        """Those that were started `before`, MOST at most, from the key `after` on."""
        found = self.jobs(user).filter(created_at__lt=before)
        for _batch in range(MOST // BATCH):
            batch = list((found.filter(pk__gt=after) if after else found)[:BATCH])
            if not batch:
                return
            yield batch
            after = str(batch[-1].pk)


@dataclass
class Tally:
    """What became of the jobs so far; `last` is the key of the last of them."""

    done: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    last: str | None = None

    @property
    def looked_at(self) -> int:
        return self.done + sum(self.refused.values())

    def do(self, verb: str, job: Job, user: Any) -> str:
        """Does it to one job; returns why not, "" otherwise."""
        self.last = str(job.pk)
        try:
            VERBS[verb][1](job, by=user)
        except ActionError as error:
            self.refused = dict(Counter(self.refused) + Counter([str(error)]))
            return str(error)
        self.done += 1
        return ""


def start(verb: str, selection: Selection, user: Any, token: str | None = None) -> Job:
    """Starts the job that does it. Raises ActionError when there is no such verb, or nothing to
    do."""
    if verb not in VERBS:
        told = _("There is no verb {name}: use one of {names}.")
        raise ActionError(told.format(name=repr(verb), names=", ".join(VERBS)))
    number = selection.count(user)
    if not number:
        raise ActionError(_("None of these jobs is there any more."))
    return actions.start(
        ACT,
        {"verb": verb, "selection": selection.stored()},
        owner=user,
        token=token,
        title=_("{verb} {jobs}").format(verb=VERBS[verb][0], jobs=counted(number)),
        options={"countdown": UNDO},
    )


def is_held_back(job: Job) -> bool:
    """Whether it acts on many, and has not begun: nobody but its own time holds it back."""
    new = job.attempt == 0 and job.undo is None
    return job.kind == ACT and job.status == Status.QUEUED and new


def export(name: str, selection: Selection, user: Any) -> Job:
    """Starts the job that writes a file in the format of this name (see exporting.py)."""
    number = selection.count(user)
    asked = {"format": name, "selection": selection.stored()}
    title = _("Export {jobs}").format(jobs=counted(number))
    return actions.start(EXPORT, asked, owner=user, title=title)


def about_person(verb: str, person: Any, user: Any) -> Job:
    """Starts the job that exports or erases all that is kept of a person. Raises ActionError when
    somebody would erase themselves, with the job that does it."""
    if verb == "erase" and person.pk == user.pk:
        raise ActionError(_("Somebody else has to erase you: this job would be among what goes."))
    if not policy.may_erase(user):
        raise actions.NotAllowedError(_("You may not do this."))
    asked = {"verb": verb, "person": str(person.pk)}
    title = _("Erase a person's data") if verb == "erase" else _("Export a person's data")
    return actions.start(PERSON, asked, owner=user, title=title)


def counted(number: int) -> str:
    """So many jobs, in words."""
    if number > COUNTED:
        return _("more than {number} jobs").format(number=grouped(COUNTED))
    return ngettext("{number} job", "{number} jobs", number).format(number=grouped(number))


def counted_of(some: int, number: int) -> str:
    """The same of those to which something can be done, among all that were chosen."""
    if some == number or number > COUNTED:
        return counted(some)
    return _("{some} of {number} jobs").format(some=grouped(some), number=grouped(number))


def _keys(ids: Sequence[str]) -> list[uuid.UUID]:
    if len(ids) > NAMED:
        raise ActionError(_("Name {number} jobs at most.").format(number=grouped(NAMED)))
    try:
        return [uuid.UUID(each) for each in ids]
    except ValueError:
        raise ActionError(_("One of these is no id of a job.")) from None
