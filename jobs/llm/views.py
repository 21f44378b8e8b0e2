"""The language model for programs: its answer as it arrives, in the format of token streams."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from headway.conf import conf
from headway.lifecycle.errors import noted
from headway.policy import policy
from headway.stream import sse
from headway.stream.http import StreamResponse
from headway.web import grants, openapi, streams
from headway.web.access import allowed, person, starts, takes_tokens
from headway.web.responses import ERRORS, problem
from headway.web.schemas import Schema, parameters
from headway.web.views.start import MalformedError, json_object, refuse_unknown
from jobs.llm import budget
from jobs.llm.language_model import ModelError, QuestionForm, hindrance, load

logger = logging.getLogger(__name__)
KIND = "ask-model"
"""The kind of job whose answer this is; who may not start it may not ask here either."""
DOUBTS = 2
"""Looks at who reads that may fail one after the other, before the answer ends."""
_open: Counter[Any] = Counter()
"""Answers under way in this process, by user."""


@takes_tokens
@starts("GET", "HEAD", "POST")
@allowed("GET", "HEAD", "POST")
def chat(request: HttpRequest) -> HttpResponseBase:
    """`data: {"content": "..."}` for each piece of the answer, then `data: [DONE]`. The question is
    ?prompt=, or `prompt` of a form or of JSON."""
    if not request.user.is_authenticated:
        return problem(request, 401, json=True)
    if _is_lured(request):
        return problem(request, 403, "Other sites may not send requests on your behalf.", json=True)
    if not policy.may_start(request.user, KIND):
        return problem(request, 403, json=True)
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
    streams.keep_connections()
    if request.method == "HEAD":
        return HttpResponse(content_type="text/event-stream", headers={"Cache-Control": "no-store"})
    return _answer(request, form.cleaned_data)


def _answer(request: HttpRequest, question: dict[str, str]) -> HttpResponseBase:
    grant = grants.of(request)
    try:
        use = budget.begin(grant.user, "".join(question.values()))
    except budget.BudgetError as error:
        response = problem(request, 429, str(error), json=True)
        response["Retry-After"] = str(budget.seconds_left())
        return response
    return StreamResponse(_frames(grant, question, use), streams.hub, _cut())


def _cut() -> bytes:
    """How an answer ends that the server cannot finish, being about to end itself."""
    sentence = "The server was restarted before the answer was complete. Please ask again."
    return _data({"error": True, "message": sentence}, event="error") + sse.encode("[DONE]")


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
    refuse_unknown(form, values)
    for name in form.fields.keys() & values.keys():
        if not isinstance(values[name], str):
            form.add_error(name, _("This must be text."))
    return form


async def _frames(
    grant: grants.Grant, question: dict[str, str], use: budget.Use
) -> AsyncGenerator[bytes, None]:
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
            checked, doubts = time.monotonic(), 0
            async for piece in moments:
                use.tokens += piece is not None
                yield sse.KEEPALIVE if piece is None else _data({"content": piece})
                if time.monotonic() - checked > conf.STREAM_RECHECK:
                    if (withdrawn := await _is_withdrawn(grant)) is True:
                        yield sse.AUTH
                        break
                    checked, doubts = time.monotonic(), doubts + 1 if withdrawn is None else 0
                    if doubts == DOUBTS:
                        raise ModelError(
                            "Your permission to read this cannot be checked at the moment."
                        )
    except ModelError as error:
        yield _data({"error": True, "message": str(error)}, event="error")
    except Exception as error:
        logger.exception("An answer of the model could not be passed on")
        reference = noted("/chat/", type(error).__name__)
        told = f"{ERRORS[500][1]} Reference: {reference}"
        yield _data({"error": True, "message": told}, event="error")
    finally:
        _open[grant.user] -= 1
        await _end(use)
    yield sse.encode("[DONE]")


@sync_to_async
def _end(use: budget.Use) -> None:
    try:
        use.end()
    finally:
        close_old_connections()


async def _is_withdrawn(grant: grants.Grant) -> bool | None:
    """None while the database cannot tell."""
    try:
        return bool(await grants.revoked([grant]))
    except (InterfaceError, OperationalError) as error:
        logger.warning("Who may still read an answer is not known: %s", error)
        return None


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


def described() -> Schema:
    """The path item of /chat/ in the OpenAPI document."""
    schema = parameters(QuestionForm)
    asked = [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": field}
        for name, field in schema["properties"].items()
    ]
    no_more = {"204": {"description": "To an EventSource that asks again after the end."}}
    operation = openapi.operation(openapi.EVENTS | no_more, [400, 403, 429, 503], "last")
    types = ("application/json", "application/x-www-form-urlencoded")
    body = {"required": True, "content": {each: {"schema": schema} for each in types}}
    return {
        "summary": "The language model's answer, as it comes.",
        "get": operation | {"parameters": [*operation["parameters"], *asked]},
        "post": operation | {"requestBody": body},
    }
