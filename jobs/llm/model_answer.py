"""One question to a language model. Only this file uses the `openai` package, which takes 45 MB
and most of a second to import, so it is imported with the first question."""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import cache
from typing import Any, cast

import httpx2
import openai
from django.conf import settings
from openai import AsyncOpenAI, AsyncStream
from openai.types.chat import ChatCompletionChunk

from headway.kinds import json_values
from jobs.llm.language_model import CutError, ModelError, hindrance

logger = logging.getLogger(__name__)

CONNECT = 10.0
"""Seconds until a server that takes no connection counts as away."""
MAX_LINE_BYTES = 1 << 20
"""Bytes of one line of what a server sends, at most. A good one has a few words in it."""
REFUSALS = {
    401: "The model's server rejected the key. The operator of this site can check LLM_API_KEY.",
    403: "The model's server rejected the key. The operator of this site can check LLM_API_KEY.",
    404: "The model's server does not know this model or URL. The operator of this site can check"
    " LLM_MODEL and LLM_BASE_URL.",
    413: "The question is too long for the model.",
    429: "The model's server is overloaded, or its quota is used up. Try again later.",
}
"""Status of an answer -> what its user is told. Never the server's own words: they may repeat the
key."""


async def answer(prompt: str, instructions: str = "") -> AsyncGenerator[str, None]:
    """The model's answer in pieces, each as it arrives. Raises ModelError when there is no more,
    CutError when there would be. Leaving the generator ends the request (see `aclosing`)."""
    if sentence := hindrance():
        raise ModelError(sentence)
    deadline = asyncio.get_running_loop().time() + settings.LLM_MAX_SECONDS
    room, half = settings.LLM_MAX_ANSWER, ""
    async with _client() as client:
        stream = await _ask(client, prompt, instructions, deadline)
        while True:
            text, finish_reason = await _read(stream, deadline)
            text, half = _whole(half + text, last=bool(finish_reason))
            if text:
                yield text[:room]
            room -= len(text)
            if room < 0:
                raise CutError(
                    f"The answer was cut off after {settings.LLM_MAX_ANSWER:,} characters."
                )
            if finish_reason:
                _judge(finish_reason)
                return


async def _ask(
    client: AsyncOpenAI, prompt: str, instructions: str, deadline: float
) -> AsyncStream[ChatCompletionChunk]:
    messages: Any = [{"role": "user", "content": prompt}]
    if instructions:
        messages.insert(0, {"role": "system", "content": instructions})
    try:
        async with asyncio.timeout_at(deadline):
            stream = await client.chat.completions.create(
                model=settings.LLM_MODEL, messages=messages, stream=True
            )
    except Exception as error:  # noqa: BLE001 - whatever a server makes the package raise
        raise _told(error, begun=False) from None  # its own text may hold the key
    if not stream.response.headers.get("content-type", "").startswith("text/event-stream"):
        raise _misunderstood("no event stream")
    return stream


async def _read(stream: AsyncStream[ChatCompletionChunk], deadline: float) -> tuple[str, str]:
    """The text of the next chunk, and why the answer ends with it ("" when it does not)."""
    try:
        async with asyncio.timeout_at(deadline):
            chunk = await anext(stream, None)
    except Exception as error:  # noqa: BLE001 - as above
        raise _told(error, begun=True) from None
    if chunk is None:
        raise _broken("ended without a reason")
    try:
        # The package passes on whatever JSON it gets.
        if not chunk.choices:
            return "", ""
        delta, finish_reason = chunk.choices[0].delta, chunk.choices[0].finish_reason
        return "".join(filter(None, (delta.content, delta.refusal))), finish_reason or ""
    except (AttributeError, TypeError, LookupError):
        raise _misunderstood("a chunk of another form") from None


def _judge(finish_reason: str) -> None:
    if finish_reason == "length":
        raise CutError("The answer was cut off at the model's own limit.")
    if finish_reason == "content_filter":
        raise ModelError("The model's server stopped the answer because of its content rules.")


def _whole(text: str, *, last: bool) -> tuple[str, str]:
    """Text that any page and database takes, and the half of a character that waits for its
    other half: servers that count in UTF-16 cut an emoji in two."""
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" and not last else ""
    whole = text.removesuffix(half) if half else text
    return whole.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), half


def _client() -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url=settings.LLM_BASE_URL,
        api_key=settings.LLM_API_KEY or "none",  # the package insists; servers without keys do not
        timeout=openai.Timeout(settings.LLM_TIMEOUT, connect=CONNECT),
        default_headers={"Accept-Encoding": "identity"},
        # The package follows three redirects, and would send the question to each
        http_client=_Http(verify=_certificates(), follow_redirects=False),
    )


class _CompressedError(openai.OpenAIError):
    """The package asks no second time after one of its own errors."""


class _Http(openai.DefaultAsyncHttpxClient):
    """HTTP as the package speaks it, which would ask a silent model twice more, takes a line whole
    into memory, and unpacks whatever is packed: a gigabyte may come as one megabyte."""

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            response = await super().send(request, **options)
        except httpx2.ReadTimeout as error:
            raise openai.APITimeoutError(request) from error
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise _CompressedError
        response.stream = _Lines(cast(httpx2.AsyncByteStream, response.stream))
        return response


class _Lines(httpx2.AsyncByteStream):
    """The bytes of `stream`. Raises ValueError when a line of it is too long."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            line = len(piece) - 1 - max(piece.rfind(b"\n"), piece.rfind(b"\r"))
            size = size + line if line == len(piece) else line
            if size > MAX_LINE_BYTES:
                raise ValueError(f"a line of more than {MAX_LINE_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()  # reads files for 30 ms, which no event loop likes


def _told(error: Exception, *, begun: bool) -> ModelError:
    """What went wrong as a sentence, and in the log with what an operator can search for."""
    _note(error)
    if isinstance(error, openai.APIStatusError):
        if error.status_code < 400:
            return ModelError(
                "The model's server redirects to another URL. The operator of this site can check"
                " LLM_BASE_URL."
            )
        if error.status_code >= 500:
            return ModelError("The model's server reports an error. Try again later.")
        refused = "The model's server did not accept the question."
        return ModelError(REFUSALS.get(error.status_code, refused))
    if isinstance(error, _CompressedError):
        return ModelError(
            "The model's server compresses its answer, although asked not to. The operator of"
            " this site can turn that off on the server."
        )
    if isinstance(error.__cause__, httpx2.ConnectTimeout):
        return ModelError(
            f"The model's server accepted no connection within {CONNECT:g} s. Try again later."
        )
    if isinstance(error, openai.APITimeoutError):
        return ModelError(f"The model was silent for {settings.LLM_TIMEOUT} s.")
    if isinstance(error, TimeoutError):
        return ModelError(f"The answer took longer than {settings.LLM_MAX_SECONDS} s.")
    if isinstance(error, openai.APIConnectionError):
        away = "The model's server cannot be reached. Try again later."
        return _broken("cut") if begun else ModelError(away)
    if isinstance(error, openai.APIError):
        return ModelError("The model's server ended the answer with an error.")
    return _misunderstood(type(error).__name__)


def _broken(why: str) -> ModelError:
    logger.warning("An answer of the model broke off: %s", why)
    return ModelError("The connection to the model broke in the middle of the answer.")


def _misunderstood(why: str) -> ModelError:
    logger.warning("What answers at LLM_BASE_URL speaks another dialect: %s", why)
    return ModelError(
        "The model's server sent something that is not an answer. The operator of this site can"
        " check LLM_BASE_URL."
    )


def _note(error: Exception) -> None:
    names = ("status_code", "code", "type", "request_id")
    known = {name: getattr(error, name, None) for name in names}
    facts = ", ".join(f"{name} {value}" for name, value in known.items() if value)
    if settings.LLM_API_KEY:
        facts = facts.replace(settings.LLM_API_KEY, "***")
    logger.warning("The model's server: %s %s", type(error).__name__, json_values.text(facts, 300))
