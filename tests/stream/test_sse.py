"""The codec, rule by rule (WHATWG HTML, section 9.2.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progress.stream import sse
from progress.stream.sse import Decoder, Message


def decode(*chunks: bytes, last_id: str = "") -> list[Message]:
    decoder = Decoder(last_id)
    return [message for chunk in chunks for message in decoder.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: a\ndata: b\n\n", [Message("a\nb")]),
        (b"data\n\ndata\ndata\n\ndata:\n", [Message(""), Message("\n")]),
        (b"data:test\n\ndata: test\n\ndata:  two\n\n", [Message("test")] * 2 + [Message(" two")]),
        (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [Message("a"), Message("b"), Message("c")]),
        (b"event: tick\ndata: a\n\ndata: b\n\n", [Message("a", "tick"), Message("b")]),
        (b"event:\ndata: a\n\n", [Message("a")]),
        (b"event: only a name\n\ndata: a\n\n", [Message("a")]),
        (b"id: 1\ndata: a\n\ndata: b\n\n", [Message("a", id="1"), Message("b", id="1")]),
        (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Message("a", id="1"), Message("b")]),
        (b"id: 1\0\ndata: a\n\n", [Message("a")]),
        (b"data: \0\n\n", [Message("\0")]),
        (b": comment\n:\n:data: x\ndata: a\n\n", [Message("a")]),
        (b"Data: x\n data: x\ndata : x\nunknown: x\ndata: a\n\n", [Message("a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Message("a")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", [Message("b")]),
        (b"data: \xff\n\n", [Message("\ufffd")]),
        (b"data: never finished\n", []),
        (b"data: a:b\n\n", [Message("a:b")]),
    ],
)
def test_a_stream_is_read_as_the_specification_says(stream: bytes, expected: list[Message]) -> None:
    assert decode(stream) == expected
    assert decode(*(bytes([byte]) for byte in stream)) == expected


def test_an_id_without_data_still_counts() -> None:
    decoder = Decoder("7")
    assert list(decoder.feed(b"id: 8\n\n")) == []
    assert decoder.last_id == "8"
    assert list(decoder.feed(b"id: 9\n")) == []
    assert decoder.last_id == "8"


@pytest.mark.parametrize(
    ("value", "retry"),
    [(b"1000", 1000), (b"0", 0), (b"1000x", None), (b"-1", None), (b"+5", None), (b"", None),
     ("٣".encode(), None), (b"1" * 5000, int("1" * 15))],
)  # fmt: skip
def test_retry_takes_digits_only(value: bytes, retry: int | None) -> None:
    decoder = Decoder()
    assert list(decoder.feed(b"retry: " + value + b"\n")) == []
    assert decoder.retry == retry


def test_a_block_is_written_field_by_field() -> None:
    block = sse.encode("one\ntwo", event="tick", id="7", retry=3000)
    assert block == b"retry: 3000\nid: 7\nevent: tick\ndata: one\ndata: two\n\n"
    assert sse.encode(id="7") == b"id: 7\n\n"
    assert sse.encode("") == b"data: \n\n"
    assert sse.comment("a\nb") == b": a\n: b\n\n"


def test_nothing_breaks_out_of_its_field() -> None:
    block = sse.encode("x\revent: forged\n\n", event="e\nid: 1", id="1\r\ndata: forged\0")
    assert decode(block) == [Message("x\nevent: forged\n\n", "eid: 1", "1data: forged")]


def test_ready_made_blocks_are_what_they_seem() -> None:
    assert decode(sse.DONE) == [Message("[DONE]", "done")]
    assert decode(sse.heartbeat(stale=True)) == [Message('{"stale":true}', "heartbeat")]
    assert decode(sse.KEEPALIVE) == []


@given(
    data=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    event=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    id=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    cut=st.integers(0, 200),
)
def test_what_is_written_is_read_back(data: str, event: str, id: str, cut: int) -> None:  # noqa: A002
    block = sse.encode(data, event=event, id=id)
    bare = str.maketrans("", "", "\r\n\0")
    lines = data.replace("\r\n", "\n").replace("\r", "\n")
    expected = Message(lines, event.translate(bare) or "message", id.translate(bare))
    assert decode(block[:cut], block[cut:]) == [expected]


@given(st.lists(st.binary()))
def test_no_bytes_make_the_decoder_fail(chunks: list[bytes]) -> None:
    assert decode(*chunks) == decode(b"".join(chunks))


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    assert len(decode(sse.encode(text, event=text, id=text))) == 1
