"""Parts of pages that htmx fetches: the row of a job in a list, and the panel of its page."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import default_storage
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from headway.kinds import registry
from headway.lifecycle import queue
from headway.lifecycle.log import glance
from headway.models import Job, Status
from headway.stream import Log, Output
from headway.stream.event import Entry
from headway.web.outcomes import written
from headway.web.presenters import Shown
from headway.web.responses import vary
from headway.web.warning_groups import grouped

logger = logging.getLogger(__name__)
VIEWS = {"row": "headway/_row.html", "bar": "headway/_live_bar.html"}


@dataclass(frozen=True)
class ResultFile:
    """A file that a job left behind. `size` is in bytes, None when it is no longer stored."""

    name: str
    size: int | None


def partial(request: HttpRequest, item: Shown, view: str, error: str = "") -> HttpResponse:
    """The `view` of a job, row, bar or else panel, with its age for the page."""
    if view in VIEWS:
        response = render(request, VIEWS[view], {"item": item, "items": [item], "error": error})
    else:
        context = panel_context(item) | {"error": error}
        if not item.is_active:
            context |= record_context(item) | {"out_of_band": True}
        response = render(request, "headway/_panel.html", context)
    if item.cursor is not None:
        response["Progress-Cursor"] = str(item.cursor)
    response["Cache-Control"] = "no-store"
    return vary(response)


def panel_context(item: Shown) -> dict[str, Any]:
    """What the panel of a job's page shows."""
    job = item.job
    prefetch_related_objects([job], "attempts")  # once for all who show them
    attempts = list(job.attempts.all())
    newest = next((each for each in attempts if each.number == job.attempt), None)
    groups, others = grouped(newest.warnings if newest else [])
    return {
        "item": item,
        "kind": registry.kinds().get(job.kind),
        "leads_to": _leads_to(item),
        "why_queued": queue.why_queued(job),
        "earlier": [each for each in reversed(attempts) if each.number < item.attempt],
        "newest": newest,
        "warning_groups": groups,
        "other_warnings": others,
        "files": [ResultFile(name, _size(job, name)) for name in job.files],
        "result": readable(job.result),
        "params": readable(
            {name: _shown(job, value) for name, value in job.params.items()}
            if item.sees_inputs
            else {}
        ),
    }


def _leads_to(item: Shown) -> str:
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


def record_context(item: Shown, number: int | None = None) -> dict[str, Any]:
    """What one attempt has said so far, by default the one that the page is about: its lines, its
    output as one text, and the number up to which that is all of it. An output that is also the
    result is shown as that. Raises Http404 when there is no attempt with this number.

    Read after the cursor, so that nothing said in between is missing.
    """
    job, chosen = item.job, number or item.attempt
    row = job.attempts.filter(number=chosen).first()
    if row is None and chosen != item.attempt:
        raise Http404
    found = glance().read(lambda log: _said(log, str(job.pk)))
    output, said = found or (Output(0, 0, ""), [])
    kept = row.lines if row else []
    heard = [line for line in said if line["attempt"] == chosen]
    ended = row is not None and row.finished_at is not None
    fresh = output.attempt == chosen and output.text != job.result
    return {
        "recorded": chosen,
        "lines": (kept or heard) if ended else (heard or kept),
        "output": output.text if fresh else "",
        "said_until": output.number,
    }


def _said(log: Log, job: str) -> tuple[Output, list[Entry]]:
    output = log.output(job)
    return output, log.lines(job, output.number)


def readable(value: Any) -> dict[str, Any]:
    """A JSON value for people: `rows` of an object of plain values and lists of them, else `text`;
    both empty for null."""
    if isinstance(value, Mapping) and not any(map(_is_deep, value.values())):
        return {"rows": [(_label(name), _plain(each)) for name, each in value.items()]}
    return {"text": "" if value in (None, "") else _plain(value)}


def _is_deep(value: Any) -> bool:
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, dict | list) for part in parts)


def _label(name: str) -> str:
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "—"}[value]
    if isinstance(value, str | int | float):
        return written(value) or "—"
    if isinstance(value, list) and not _is_deep(value):
        return ", ".join(map(_plain, value)) or "—"
    return json.dumps(value, indent=2, ensure_ascii=False)


def _shown(job: Job, value: Any) -> Any:
    """An uploaded file by the name it came with, anything else as it is."""
    prefix = f"uploads/{job.pk}/"
    return value.removeprefix(prefix) if isinstance(value, str) else value


def _size(job: Job, name: str) -> int | None:
    try:
        return default_storage.size(job.file_path(name))
    except OSError:
        return None
