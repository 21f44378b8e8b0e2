"""The codec, rule by rule (WHATWG HTML, section 9.2.6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.stream import sse
from headway.stream.sse import Decoder, Message
from tests.stream.sse_cases import CASES, Case


def decode(*chunks: bytes, last_id: str = "") -> list[Message]:
    decoder = Decoder(last_id)
    return [message for chunk in chunks for message in decoder.feed(chunk)]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_stream_is_read_as_the_specification_says(case: Case) -> None:
    assert decode(case.stream) == case.expected


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_where_a_stream_is_cut_into_chunks_does_not_matter(case: Case) -> None:
    assert decode(*(bytes([byte]) for byte in case.stream[-1000:])) == decode(case.stream[-1000:])
    for cut in range(min(200, len(case.stream))):
        assert decode(case.stream[:cut], b"", case.stream[cut:]) == case.expected


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


def test_an_id_of_nothing_that_may_stand_there_is_left_out() -> None:
    """Written empty, it would take away the cursor that the client has."""
    assert sse.encode("a", id="\r\n\0", event="\n") == b"data: a\n\n"


def test_nothing_breaks_out_of_its_field() -> None:
    block = sse.encode("x\revent: forged\n\n", event="e\nid: 1", id="1\r\ndata: forged\0")
    assert decode(block) == [Message("x\nevent: forged\n\n", "eid: 1", "1data: forged")]


def test_ready_made_blocks_are_what_they_seem() -> None:
    assert decode(sse.DONE) == [Message("[DONE]", "done")]
    assert decode(sse.heartbeat(stale=True)) == [Message('{"stale":true}', "heartbeat")]
    assert decode(sse.KEEPALIVE) == []


PARTS = st.sampled_from(
    [
        *(b"data", b"event", b"id", b"retry", b":", b" ", b"1", b"x", b"\0"),
        *(b"\r", b"\n", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"\xe2\x82\xac", b"\xe2"),
    ]
)


@given(st.lists(st.lists(PARTS | st.binary(max_size=4)).map(b"".join)))
def test_no_bytes_make_the_decoder_fail_and_no_chunking_changes_it(chunks: list[bytes]) -> None:
    apart, whole = Decoder(), Decoder()
    got = [message for chunk in chunks for message in apart.feed(chunk)]
    assert got == list(whole.feed(b"".join(chunks)))
    assert (apart.last_id, apart.retry) == (whole.last_id, whole.retry)


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    assert len(decode(sse.encode(text, event=text, id=text))) == 1
