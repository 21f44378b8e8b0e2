"""What we write is read back alike by our decoder, httpx-sse and Chromium's EventSource."""

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from headway.stream.sse import Decoder, Message
from tests.stream.sse_cases import CASES
from tests.stream.written import BLOCKS, Block, encoded, expected
from tests.support.scripted import EVENTS, Answer, Scripted

READ = """streams => Promise.all(streams.map(([url, types]) => new Promise(resolve => {
  const source = new EventSource(url), got = [];
  for (const type of types) {
    source.addEventListener(type, event => got.push([event.data, event.type, event.lastEventId]));
  }
  source.onerror = () => { source.close(); resolve(got); };
})))"""


@given(blocks=BLOCKS, cut=st.integers(0, 500))
def test_our_decoder_reads_what_we_write(blocks: list[Block], cut: int) -> None:
    stream, decoder = encoded(blocks), Decoder()
    got = [message for piece in (stream[:cut], stream[cut:]) for message in decoder.feed(piece)]
    assert got == expected(blocks)


@given(BLOCKS)
def test_httpx_sse_reads_what_we_write(blocks: list[Block]) -> None:
    """It also makes an empty event of a block without data, as ours with an id alone are."""
    response = httpx.Response(200, headers={"Content-Type": EVENTS}, content=encoded(blocks))
    got = [Message(sse.data, sse.event, sse.id) for sse in EventSource(response).iter_sse()]
    named = {message.event for message in expected(blocks)}
    assert [m for m in got if m.data] == [m for m in expected(blocks) if m.data]
    assert named <= {message.event for message in got}


def in_chromium(page: Page, server: Scripted, streams: list[bytes]) -> list[list[Message]]:
    """What an EventSource makes of each stream; it hears the types that our decoder finds."""
    wanted = []
    for number, stream in enumerate(streams):

        def answer(to: Answer, body: bytes = stream) -> None:
            to.send(body=body)

        server.scripts[f"/{number}"] = answer
        types = {"message", *(message.event for message in Decoder().feed(stream))}
        wanted.append([f"/{number}", sorted(types)])
    return [[Message(*fields) for fields in got] for got in page.evaluate(READ, wanted)]


def test_chromium_follows_each_rule_of_the_specification(blank: Page, server: Scripted) -> None:
    got = in_chromium(blank, server, [case.stream for case in CASES])
    wrong = [c.name for c, found in zip(CASES, got, strict=True) if found != c.expected]
    assert wrong == []


# Threads of the web server of this test may draw random numbers while a batch is made.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@given(st.lists(BLOCKS, min_size=30, max_size=30))
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)
def test_chromium_reads_what_we_write(
    blank: Page, server: Scripted, batch: list[list[Block]]
) -> None:
    got = in_chromium(blank, server, [encoded(blocks) for blocks in batch])
    assert got == [expected(blocks) for blocks in batch]
