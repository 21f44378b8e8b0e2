"""The schemas of docs/protocol.md, and reading a stream by them."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from jsonschema import Draft202012Validator, FormatChecker

from headway.stream.sse import Decoder, Message

PAGE = (Path(settings.BASE_DIR) / "docs/protocol.md").read_text()

formats = FormatChecker(formats=("uuid",))


@formats.checks("date-time", raises=ValueError)
def is_in_utc(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).utcoffset() == timedelta(0)


def blocks(language: str) -> list[str]:
    """The code blocks of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def closed(schema: dict[str, Any]) -> Draft202012Validator:
    """The schema, but what it does not name is an error: the page names all that is sent."""
    Draft202012Validator.check_schema(schema)
    strict = {"additionalProperties": False} if "properties" in schema else {}
    return Draft202012Validator(schema | strict, format_checker=formats)


_ALL = {schema["title"]: closed(schema) for schema in map(json.loads, blocks("json"))}
SCHEMAS = {title: schema for title, schema in _ALL.items() if not title.startswith("ws ")}
SOCKET = {
    title.removeprefix("ws "): schema for title, schema in _ALL.items() if title.startswith("ws ")
}
"""What a WebSocket carries besides: the messages of a client by their type, the answers and
`frame`, which all that comes is."""


def valid(event: str, data: Any) -> None:
    """Raises unless the data of an event is what the page says."""
    SCHEMAS[event].validate(json.loads(json.dumps(data, allow_nan=False)))


def valid_message(message: Message) -> None:
    """The same for an event as a client gets it."""
    valid(message.event, message.data if message.event == "done" else json.loads(message.data))


def valid_frame(message: dict[str, Any]) -> None:
    """The same for what a WebSocket has brought."""
    SOCKET["frame"].validate(message)
    if event := message.get("event"):
        {**SCHEMAS, **SOCKET}[event].validate(message["data"])


def follow(client: httpx.Client, url: str, until: str, **query: Any) -> list[Message]:
    """Reads a stream, each frame valid, until an event of a kind has come; all until then."""
    got: list[Message] = []
    decoder = Decoder()
    with client.stream("GET", url, params=query) as response:
        assert response.status_code == 200
        for piece in response.iter_bytes():
            assert decoder.retry is not None or piece.startswith(b"retry: ")
            for message in decoder.feed(piece):
                valid_message(message)
                got.append(message)
                if message.event == until:
                    return got
    raise AssertionError(f"the stream ended without {until}: {got}")
