"""The rules of WHATWG HTML, section 9.2.5 and 9.2.6, as streams and what is to be read from them;
the web-platform-tests of the same name in brackets. Our decoder and Chromium must agree."""

from typing import NamedTuple

from headway.stream.sse import Message


class Case(NamedTuple):
    """One rule."""

    name: str
    stream: bytes
    expected: list[Message]


BOM = b"\xef\xbb\xbf"
LONG = b"x" * 100_000


def messages(*texts: str) -> list[Message]:
    return [Message(text) for text in texts]


CASES = [
    Case("one BOM at the start is dropped [format-bom]", BOM + b"data: a\n\n", messages("a")),
    Case(
        "a second BOM makes the first name unknown [format-bom-2]",
        BOM * 2 + b"data: a\n\ndata: b\n\n",
        messages("b"),
    ),
    Case(
        "a BOM later on belongs to its line",
        b"data: a\n\n" + BOM + b"data: b\ndata: c\n\n",
        messages("a", "c"),
    ),
    Case(
        "bytes are UTF-8 [format-utf-8]",
        "data: ok…\U0001f600\n\n".encode(),
        messages("ok…\U0001f600"),
    ),
    Case("broken UTF-8 is replaced", b"data: \xff\xe2\x82\n\n", messages("\ufffd\ufffd")),
    Case(
        "lines end with LF, CR or CRLF [format-newlines]",
        b"data: a\r\n\r\ndata: b\r\rdata: c\n\ndata: d\r\n\ndata: e\n\r\n",
        messages("a", "b", "c", "d", "e"),
    ),
    Case(
        "data of many lines is joined by LF [event-data]",
        b"data: a\r\ndata: b\rdata: c\n\n",
        messages("a\nb\nc"),
    ),
    Case(
        "a field without a colon has an empty value [format-field-parsing]",
        b"data\n\ndata\ndata\n\ndata:x\n\n",
        messages("", "\n", "x"),
    ),
    Case(
        "data without a blank line is never an event [format-data-before-final-empty-line]",
        b"data: a\n\ndata: b\n",
        messages("a"),
    ),
    Case(
        "the id of an unfinished block does not count either",
        b"id: 1\ndata: a\n\nid: 2\n",
        [Message("a", id="1")],
    ),
    Case(
        "one leading space is dropped [format-leading-space]",
        b"data: a\ndata:  b\ndata:\tc\ndata:d\n\n",
        messages("a\n b\n\tc\nd"),
    ),
    Case(
        "comments are ignored [format-comments]",
        b": x\n:\n:data: x\n:\0\n:" + LONG + b"\ndata: a\n:x\n\n: only\n\n",
        messages("a"),
    ),
    Case(
        "unknown fields are ignored [format-field-unknown]",
        b"data: a\n name: x\njunk\nfoo: x\n\n",
        messages("a"),
    ),
    Case(
        "names are exact [format-field-parsing]",
        b"Data: x\n data: x\ndata : x\nDATA: x\ndata: a\n\n",
        messages("a"),
    ),
    Case("a name ends at the first colon", b"data: a:b: c\n\n", messages("a:b: c")),
    Case(
        "event names the type of one event [format-field-event]",
        b"event: tick\ndata: a\n\ndata: b\n\nevent: x\nevent: tick\ndata: c\n\n",
        [Message("a", "tick"), Message("b"), Message("c", "tick")],
    ),
    Case(
        "an empty event is a message [format-field-event-empty]",
        b"event: tick\nevent:\ndata: a\n\n",
        messages("a"),
    ),
    Case("an event without data is not dispatched", b"event: tick\n\ndata: a\n\n", messages("a")),
    Case(
        "an id stays until another comes [format-field-id]",
        b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n",
        [Message("a", id="1"), Message("b", id="1"), Message("c", id="2")],
    ),
    Case(
        "an id without data counts [format-field-id-2]",
        b"id: 1\n\ndata: a\n\n",
        [Message("a", id="1")],
    ),
    Case(
        "an empty id takes it away [format-field-id-3]",
        b"id: 1\ndata: a\n\nid\ndata: b\n\n",
        [Message("a", id="1"), Message("b")],
    ),
    Case("an id beyond ASCII is kept", "id: …\ndata: a\n\n".encode(), [Message("a", id="…")]),
    Case(
        "an id with a NUL is ignored [format-field-id-null]",
        b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\n",
        [Message("a", id="1"), Message("b", id="1"), Message("c", id="1")],
    ),
    Case(
        "a NUL in data and names is a character [format-null-character]",
        b"data: \0a\ndata\0: x\n\n",
        messages("\0a"),
    ),
    Case(
        "a comment does not touch the id", b"id: 1\n\n: hb\n\ndata: a\n\n", [Message("a", id="1")]
    ),
    Case(
        "a retry is not an event [format-field-retry]",
        b"retry: 3000\n\nretry: 1000x\ndata: a\nretry:\n\n",
        messages("a"),
    ),
    Case("a line may be long", b"data: " + LONG + b"\n\n", messages(LONG.decode())),
    Case("blank lines alone are nothing", b"\n\r\n\r\n\ndata: a\n\n\n\n", messages("a")),
]
