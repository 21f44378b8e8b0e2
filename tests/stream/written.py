"""Streams that hypothesis makes of what the encoder can write, and what is to be read from them."""

import re
from typing import NamedTuple

from hypothesis import strategies as st

from headway.stream import sse
from headway.stream.sse import Message

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30)
NAMES = TEXT.filter(lambda name: name.translate(sse._NOT_IN_FIELD) not in ("error", "open"))
"""Of events; those two are what a browser calls its own."""


class Block(NamedTuple):
    """The arguments of one `encode`, or a comment."""

    data: str | None = None
    event: str = ""
    id: str = ""
    retry: int | None = None
    comment: str | None = None

    def bytes(self) -> bytes:
        """As it is sent."""
        if self.comment is not None:
            lines = re.split(r"\r\n|\r|\n", self.comment)
            return ("".join(f": {line}\n" for line in lines) + "\n").encode("utf-8", "replace")
        return sse.encode(self.data, event=self.event, id=self.id, retry=self.retry)


BLOCKS = st.lists(
    st.tuples(TEXT, NAMES, TEXT, st.none() | st.integers(0)).map(lambda fields: Block(*fields))
    | TEXT.map(lambda data: Block(data))
    | st.tuples(NAMES, TEXT).map(lambda names: Block(None, *names))
    | TEXT.map(lambda text: Block(comment=text)),
    max_size=8,
)


def encoded(blocks: list[Block]) -> bytes:
    """The stream of these blocks."""
    return b"".join(block.bytes() for block in blocks)


def expected(blocks: list[Block]) -> list[Message]:
    """What every client must read from it."""
    found, last = [], ""
    for block in blocks:
        last = block.id.translate(sse._NOT_IN_FIELD) or last
        if block.data is not None:
            text = block.data.replace("\r\n", "\n").replace("\r", "\n")
            name = block.event.translate(sse._NOT_IN_FIELD)
            found.append(Message(text, name or "message", last))
    return found
