"""What the page of one job shows: its panel, the parts beside it, and what its attempts said."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import prefetch_related_objects
from django.http import Http404
from django.utils.http import url_has_allowed_host_and_scheme

from headway.kinds import registry
from headway.lifecycle.log import glance
from headway.models import HELD, Attempt, Job, Status
from headway.policy import allowed, policy
from headway.stream import Log, Output
from headway.stream.event import Entry
from headway.web import log_pages
from headway.web.inputs import inputs
from headway.web.log_pages import Search
from headway.web.presenters import Shown
from headway.web.readable import readable
from headway.web.remaining import remaining, usual
from headway.web.result_files import kept_until, result_files
from headway.web.told import without_promise
from headway.web.warning_groups import grouped

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """An attempt beside the others. `waited` and `ran` are in seconds, None where unknown."""

    attempt: Attempt
    status: str
    reason: str
    waited: float | None
    ran: float | None
    warnings: int
    traceback: str
    """For those who may see it; "" for all others."""


def panel_context(item: Shown) -> dict[str, Any]:
    """What the panel of a job's page shows."""
    job, snap = item.job, item.snap
    usually = usual(job.kind, item.viewer) if job.status in HELD else None
    return {
        "item": item,
        "kind": registry.find(job.kind),
        "usual": usually,
        "left": remaining(
            snap.get("eta"), snap.get("percent"), item.elapsed, snap.get("quiet"), usually
        )
        if item.advances
        else None,
        "first_part": first_part(item),
        "leads_to": leads_to(item),
    }


def leads_to(item: Shown) -> str:
    """Where the kind of a job that has succeeded leads those who watch it end: within this site."""
    lead = item.kind.leads_to if item.kind else None
    if lead is None or item.job.status != Status.SUCCEEDED:
        return ""
    try:
        address = str(lead(item.job) or "")
    except Exception:
        logger.exception("leads_to of %s failed for job %s", item.job.kind, item.job.pk)
        return ""
    local = address.startswith("/") and url_has_allowed_host_and_scheme(address, None)
    return address if local else ""


def first_part(item: Shown) -> str:
    """Which of its parts the page of a job begins with, where that one is not empty."""
    job = item.job
    has_result = job.result not in (None, "", [], {}) or bool(job.files)
    if has_result and not item.is_active and not item.ended_badly:
        return "result"
    return "log" if job.status in (Status.QUEUED, Status.FAILED, Status.LOST) else "output"


def parts_context(item: Shown) -> dict[str, Any]:
    """Those of the parts beside the panel that depend on the job's state."""
    job, attempts = item.job, _attempts(item.job)
    newest = attempts[0] if attempts and attempts[0].number == job.attempt else None
    found = result_files(job)
    groups, others = grouped(newest.warnings if newest else [])
    return {
        "item": item,
        "newest": newest,
        "warning_groups": groups,
        "other_warnings": others,
        "files": found,
        "kept_until": kept_until(job) if any(each.size is not None for each in found) else None,
        "result": readable(job.result),
        "inputs": inputs(item),
        "runs": _runs(item, attempts),
    }


def _attempts(job: Job) -> list[Attempt]:
    """The newest first; read once for all who show them."""
    prefetch_related_objects([job], "attempts")
    return sorted(job.attempts.all(), key=lambda each: -each.number)


def _runs(item: Shown, attempts: Sequence[Attempt]) -> list[Run]:
    """The newest first."""
    shows = any(each.error for each in attempts) and allowed(
        policy.may_see_tracebacks, item.viewer, item.job
    )
    return [_run(item, attempt, shows=shows) for attempt in attempts]


def _run(item: Shown, attempt: Attempt, *, shows: bool) -> Run:
    job, begun = item.job, attempt.started_at
    last = attempt.number == job.attempt
    follows = last and job.status == Status.QUEUED
    newest = last and not follows
    due = attempt.due_at or (job.created_at if attempt.number == 1 else None)
    ran = (attempt.finished_at - begun).total_seconds() if attempt.finished_at else None
    return Run(
        attempt,
        str(job.status if newest else attempt.status),
        attempt.reason if follows else without_promise(attempt.reason),
        max(0.0, (begun - due).total_seconds()) if due else None,
        max(0.0, ran) if ran is not None else (item.elapsed if newest else None),
        (attempt.progress or {}).get("warnings") or len(attempt.warnings),
        attempt.error if shows else "",
    )


def record_context(
    item: Shown,
    number: int | None = None,
    search: Search | None = None,
    before: int | None = None,
) -> dict[str, Any]:
    """What one attempt has said so far, by default the one that the page is about: its last lines,
    or those before a line or that a search finds; its output as one text; and the number up to
    which that is all of it. An output that is also the result is shown as that. Raises Http404 when
    there is no attempt with this number.

    Read after the cursor, so that nothing said in between is missing.
    """
    job, chosen = item.job, number or item.attempt
    row = next((each for each in _attempts(job) if each.number == chosen), None)
    if row is None and chosen != item.attempt:
        raise Http404
    found = glance().read(lambda log: _said(log, str(job.pk)))
    output, said = found or (Output(0, 0, ""), [])
    fresh = output.attempt == chosen and output.text != job.result
    context = {
        "item": item,
        "recorded": chosen,
        "output": output.text if fresh else "",
        "said_until": output.number,
        "search": search or Search(),
        "before": before,
    }
    if row is not None and (search or before):
        told = log_pages.found(job.pk, chosen, search or Search(), before, log_pages.LAST)
        return context | {"lines": told.lines, "earlier": told.before}
    lines = _last_lines(row, [line for line in said if line["attempt"] == chosen])
    first = next((line["n"] for line in lines if "n" in line), 1)
    return context | {"lines": lines, "earlier": first if first > 1 else None}


def _last_lines(row: Attempt | None, heard: Sequence[Any]) -> Sequence[Mapping[str, Any]]:
    """From the row of an attempt that has ended, else as Redis has them."""
    kept = row.lines if row else []
    ended = row is not None and row.finished_at is not None
    return (kept or heard) if ended else (heard or kept)


def _said(log: Log, job: str) -> tuple[Output, list[Entry]]:
    output = log.output(job)
    return output, log.lines(job, output.number)


def whole_context(item: Shown, query: Mapping[str, str], number: int | None) -> dict[str, Any]:
    """All of the page."""
    search = Search.read(query.get("find"), query.get("level"))
    text = query.get("before", "")
    before = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    said = record_context(item, number, search, before or None)
    chosen = {"first_part": "log"} if number or search or before else {}
    return panel_context(item) | parts_context(item) | said | chosen
