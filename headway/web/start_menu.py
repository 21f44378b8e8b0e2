"""The menu of kinds to start: recent ones first, last those that cannot run, with the reason."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from headway.kinds.celery_options import queue_of
from headway.kinds.registry import Kind
from headway.lifecycle.log import glance
from headway.web.access import startable_kinds

QUICK = 3
"""Recent kinds that are offered beside the menu."""
SEARCHED = 12
"""Of more kinds than these the menu has a field to search in."""
TRIED = "simulate"
"""The kind that somebody without jobs may try."""
EXAMPLE = '''\
from headway import job_task, progress

@job_task(title="Send letters")
def send_letters(month: int, dry_run: bool = False) -> dict[str, int]:
    """Sends every letter of a month."""
    letters = Letter.objects.filter(month=month)
    for letter in progress.track(letters.iterator(), total=letters.count()):
        letter.send(dry_run=dry_run)
    return {"letters": letters.count()}
'''


@dataclass(frozen=True)
class Choice:
    """One kind in the menu."""

    kind: Kind
    hindrance: str
    """Why a job of it would not run now."""
    recent: bool


def menu(request: HttpRequest, recent: Sequence[str]) -> dict[str, Any]:
    """What the menu shows; `recent` names kinds that this person has had, the last first."""
    kinds = startable_kinds(request)
    served = glance().read(lambda log: log.who_is_alive("worker"))
    queues = {queue for worker in (served or {}).values() for queue in worker.get("queues", ())}
    choices = [Choice(each, _hindrance(each, queues), each.name in recent) for each in kinds]

    def order(choice: Choice) -> tuple[bool, int]:
        name = choice.kind.name
        return bool(choice.hindrance), recent.index(name) if choice.recent else len(recent)

    choices.sort(key=order)
    return {
        "choices": choices,
        "quick": [each for each in choices if each.recent and not each.hindrance][:QUICK],
        "searched": len(choices) > SEARCHED,
        "example": EXAMPLE if getattr(request.user, "is_staff", False) else "",
    }


def trial(choices: Sequence[Choice]) -> dict[str, Any]:
    """For one click that starts the kind to try, as its form begins; empty without it."""
    for choice in choices:
        if choice.kind.name == TRIED:
            form = choice.kind.form_class()
            return {"kind": choice.kind, "fields": list(form), "token": uuid.uuid4()}
    return {}


def _hindrance(kind: Kind, queues: Collection[str]) -> str:
    """A form may know one itself. Where no worker runs at all the page says so once."""
    if hasattr(kind.form_class, "hindrance"):
        told = str(kind.form_class().hindrance or "")  # type: ignore[attr-defined]  # as above
        if told:
            return told
    try:
        queue = queue_of(kind.task, {})
    except Exception:  # noqa: BLE001 - a project's router raises anything; its start will say so
        return ""
    if queues and queue not in queues:
        return _("No worker takes jobs from the queue “{queue}”.").format(queue=queue)
    return ""
