"""The language model for programs: its answer as it comes, in the dialect of token streams."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from headway.conf import conf
from headway.lifecycle.errors import noted
from headway.stream import sse
from headway.stream.http import StreamResponse
from headway.web import grants, streams
from headway.web.access import allowed, person
from headway.web.responses import ERRORS, problem
from headway.web.views.start import MalformedError, json_object
from jobs.llm.language_model import ModelError, QuestionForm, hindrance, load

logger = logging.getLogger(__name__)
_open: Counter[int] = Counter()
"""Answers under way in this process, by user."""


@allowed("GET", "HEAD", "POST")
def chat(request: HttpRequest) -> HttpResponseBase:
    """`data: {"content": "..."}` for each piece of the answer, then `data: [DONE]`. The question is
    ?prompt=, or `prompt` of a form or of JSON."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    if _is_lured(request):
        return problem(request, 403, "Other sites may not ask in your name.", json=True)
    if "Last-Event-ID" in request.headers:
        # An EventSource that was not closed asks again after the end, and 204 makes it stop. There
        # is nothing to resume: the question would be asked, and paid for, once more.
        return HttpResponse(status=204)
    try:
        form = _question(request)
    except MalformedError as error:
        return problem(request, 400, str(error), json=True)
    if sentence := hindrance():
        return problem(request, 503, sentence, json=True)
    if not form.is_valid():
        fields = {name: list(map(str, errors)) for name, errors in form.errors.items()}
        general = " ".join(fields.pop("__all__", [])) or "Some parameters are missing or wrong."
        return problem(request, 400, general, json=True, errors=fields)
    if _open[person(request).pk] >= settings.LLM_MAX_PER_USER:
        return problem(request, 429, json=True)
    streams.keep_connection()
    if request.method == "HEAD":
        return HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-store"})
    return StreamResponse(_frames(grants.of(request, staff=False), form.cleaned_data))


def _is_lured(request: HttpRequest) -> bool:
    """A link or an image elsewhere: following it would ask, and spend, in the person's name."""
    foreign = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return foreign and "Authorization" not in request.headers


def _question(request: HttpRequest) -> QuestionForm:
    values: dict[str, Any] = request.GET.dict()
    if request.method == "POST":
        is_json = request.content_type == "application/json"
        values = json_object(request.body) if is_json else request.POST.dict()
        values.pop("csrfmiddlewaretoken", None)
    form = QuestionForm(values)
    for name, value in values.items():
        if name not in form.fields:
            form.add_error(None, f"There is no parameter {name!r}.")
        elif not isinstance(value, str):
            form.add_error(name, "This must be text.")
    return form


async def _frames(grant: grants.Grant, question: dict[str, str]) -> AsyncGenerator[bytes, None]:
    """The whole stream. Leaving it ends the request to the model."""
    _open[grant.user] += 1
    try:
        yield sse.encode(id="1")
        if _open[grant.user] > settings.LLM_MAX_PER_USER:  # many at once: none was counted yet
            raise ModelError(ERRORS[429][1])
        answer = await load()
        async with (
            aclosing(answer(**question)) as pieces,
            aclosing(_with_silences(pieces)) as moments,
        ):
            checked = time.monotonic()
            async for piece in moments:
                yield sse.KEEPALIVE if piece is None else _data({"content": piece})
                if time.monotonic() - checked > conf.STREAM_RECHECK:
                    if await _is_withdrawn(grant):
                        yield sse.AUTH
                        break
                    checked = time.monotonic()
    except ModelError as error:
        yield _data({"error": True, "message": str(error)}, event="error")
    except Exception as error:
        logger.exception("An answer of the model could not be passed on")
        reference = noted("/chat/", type(error).__name__)
        told = f"{ERRORS[500][1]} Reference: {reference}"
        yield _data({"error": True, "message": told}, event="error")
    finally:
        _open[grant.user] -= 1
    yield sse.encode("[DONE]")


async def _is_withdrawn(grant: grants.Grant) -> bool:
    """While nobody can tell, the answer goes on, as all streams do."""
    try:
        return bool(await grants.revoked([grant]))
    except DatabaseError as error:
        logger.warning("Who may still read an answer is not known: %s", error)
        return False


def _data(value: dict[str, Any], event: str = "") -> bytes:
    return sse.encode(json.dumps(value, separators=(",", ":")), event=event)


async def _with_silences(pieces: AsyncGenerator[str, None]) -> AsyncGenerator[str | None, None]:
    """The pieces, and None after each STREAM_KEEPALIVE seconds without one."""
    while True:
        coming = asyncio.ensure_future(anext(pieces, None))
        try:
            while not (await asyncio.wait((coming,), timeout=conf.STREAM_KEEPALIVE))[0]:
                yield None
        except BaseException:
            coming.cancel()
            await asyncio.wait((coming,))
            raise
        piece = coming.result()
        if piece is None:
            return
        yield piece
