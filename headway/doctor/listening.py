"""Listens to one answer for a while, and notes what came when."""

import asyncio
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

CONNECT = 10.0
"""Seconds that a connection may take to open."""
MAX_KEPT = 1_000_000
"""Bytes that are kept of an answer."""


class NotReached(Exception):  # noqa: N818 - an answer
    """There is nothing to examine; why, in a sentence."""


@dataclass
class Heard:
    """An answer as far as it came. `begun` is the seconds until its first bytes (None: none came),
    `lasted` those until it ended or was left; `ended`: not by the listener; `broken`: not cleanly
    either."""

    headers: httpx.Headers = field(default_factory=httpx.Headers)
    text: str = ""
    begun: float | None = None
    lasted: float = 0.0
    ended: bool = False
    broken: str = ""

    @property
    def cursor(self) -> str:
        """The first id of a stream, which repeats the cursor that the server got."""
        ids = [line for line in self.text.splitlines() if line.startswith("id: ")]
        return ids[0].removeprefix("id: ") if ids else ""


async def listen(
    client: httpx.AsyncClient,
    url: str,
    seconds: float,
    *,
    cursor: str = "",
    enough: Callable[[str], bool] = lambda _: False,
) -> Heard:
    """At most so many seconds; less when what came is `enough`, or the answer ends."""
    heard, began = Heard(), time.monotonic()
    headers = {"Accept-Encoding": "gzip"} | ({"Last-Event-ID": cursor} if cursor else {})
    try:
        async with asyncio.timeout(seconds), client.stream("GET", url, headers=headers) as answer:
            heard.headers = answer.headers
            async for piece in answer.aiter_text():
                if piece and heard.begun is None:
                    heard.begun = time.monotonic() - began
                heard.text = (heard.text + piece)[:MAX_KEPT]
                if enough(heard.text):
                    break
            else:
                heard.ended = True
    except TimeoutError:
        pass
    except (httpx.TransportError, httpx.DecodingError) as error:
        heard.ended, heard.broken = True, type(error).__name__
    heard.lasted = time.monotonic() - began
    return heard


async def reach(client: httpx.AsyncClient, url: str) -> httpx.Response:
    """The headers of the stream at `url`. Raises NotReached."""
    try:
        async with asyncio.timeout(CONNECT):
            answer = await client.head(url)
    except TimeoutError:
        raise NotReached(f"Nothing was answered within {CONNECT:g} s.") from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise NotReached("This is no address: give one such as https://jobs.example.com.") from None
    except httpx.TransportError as error:
        raise NotReached(_unreachable(error)) from None
    if not answer.is_redirect:
        _judge(answer)
    return answer


def told_heartbeat(answer: httpx.Response) -> float | None:
    """STREAM_KEEPALIVE in seconds, where the headers of a stream tell it."""
    text = answer.headers.get("Progress-Keepalive", "")
    return float(text) if re.fullmatch(r"[1-9][0-9]{0,2}", text) else None


def _judge(answer: httpx.Response) -> None:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    known = {
        401: "401: not signed in. Give a token: manage.py token USER --scope read.",
        403: "403: refused, by the site or by a firewall in front of it.",
        404: "404: no Headway is below this address. Give that of its site.",
    }
    status = answer.status_code
    if status in known:
        raise NotReached(known[status])
    if status >= 500:
        raise NotReached(f"{status}: a proxy or the site fails; look into its log.")
    if status != 200 or kind != "text/event-stream":
        told = kind or "no type"
        raise NotReached(
            f"{status} with {told}: no stream of Headway, perhaps the sign-in page of a proxy."
        )


def _unreachable(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate is not trusted: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return "TLS failed: is there a server with TLS on this port?"
        cause = cause.__cause__ or cause.__context__
    return f"It cannot be reached: {error or type(error).__name__}."


async def protocol(url: str) -> str:
    """What the server of an https address chooses of HTTP/2 and HTTP/1.1; "" for neither."""
    parts, context = urlsplit(url), httpx.create_ssl_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, writer = await asyncio.open_connection(parts.hostname, parts.port or 443, ssl=context)
    try:
        return writer.get_extra_info("ssl_object").selected_alpn_protocol() or ""
    finally:
        writer.close()
