"""Writing straight to sockets: nothing is lost, torn or late, whatever the far end takes and
sends."""

import asyncio
import os

from headway.stream.direct import LAST_CHUNK, MAX_HEARD
from tests.stream.serving import until
from tests.stream.viewers import Crowd, chunk


async def test_all_viewers_get_the_same_chunk_which_is_made_once(crowd: Crowd) -> None:
    viewers = [crowd.viewer() for _ in range(3)]
    piece = b"data: {}\n\n"
    made = crowd.sockets.chunk(piece)
    assert all(viewer.wire.write(piece) for viewer in viewers)
    assert crowd.sockets.chunk(piece) is made
    for viewer in viewers:
        assert await viewer.read(len(made)) == b"a\r\ndata: {}\n\n\r\n"


async def test_what_a_full_socket_did_not_take_comes_later_and_in_order(crowd: Crowd) -> None:
    viewer, other = crowd.viewer(), crowd.viewer()
    piece = b"x" * 50_000 + b"\n\n"
    taken = viewer.fill(piece)
    assert not viewer.wire.write(b"refused")
    assert not viewer.ready.is_set()
    assert other.wire.write(b"nobody else waits")
    await viewer.read(len(taken))
    await asyncio.wait_for(viewer.ready.wait(), 30)
    assert viewer.wire.write(b"again")
    viewer.wire.close()
    assert await viewer.read_all() == taken + chunk(b"again") + LAST_CHUNK
    await asyncio.wait_for(viewer.left.wait(), 30)
    [(sent, seconds)] = viewer.told
    assert sent == len(viewer.got)
    assert 0 <= seconds < 60


async def test_what_waits_is_no_more_than_one_piece(crowd: Crowd) -> None:
    viewer, piece = crowd.viewer(), b"x" * 500_000
    viewer.fill(piece)
    for _ in range(10):
        assert not viewer.wire.write(piece)
    assert len(viewer.wire._rest) <= len(chunk(piece))


async def test_a_socket_that_takes_nothing_refuses_and_asks_for_more_later(crowd: Crowd) -> None:
    viewer = crowd.viewer()
    number, filled = viewer.number, 0
    try:
        while True:  # behind the wire's back, so that it finds the socket full
            filled += os.write(number, b"y" * 1000)
    except BlockingIOError:
        assert not viewer.wire.write(b"nothing of it is sent")
    assert not viewer.wire._rest
    await viewer.read(filled)
    await asyncio.wait_for(viewer.ready.wait(), 30)
    viewer.wire.close()
    assert await viewer.read_all() == b"y" * filled + LAST_CHUNK


async def test_the_end_of_a_stream_comes_after_what_waits(crowd: Crowd) -> None:
    viewer = crowd.viewer()
    taken = viewer.fill(b"z" * 100_000)
    viewer.wire.close()
    viewer.wire.close()
    assert not viewer.wire.write(b"too late")
    assert await viewer.read_all() == taken + LAST_CHUNK
    await asyncio.wait_for(viewer.left.wait(), 30)


async def test_a_gigabyte_after_the_request_stops_in_the_kernel(crowd: Crowd) -> None:
    viewer, other = crowd.viewer(), crowd.viewer()
    loop, sent = asyncio.get_running_loop(), 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await loop.sock_sendall(viewer.far, b"GET / HTTP/1.1\r\n\r\n" * 1000)
            sent += 18_000

    flooding = asyncio.ensure_future(flood())
    await until(lambda: viewer.wire._heard == MAX_HEARD)
    for number in range(50):
        assert viewer.wire.write(b"%03d" % number)
        assert other.wire.write(b"%03d" % number)
        await asyncio.sleep(0.005)
    assert viewer.wire._heard == MAX_HEARD
    assert not flooding.done()
    assert sent < 100_000_000
    expected = b"".join(chunk(b"%03d" % number) for number in range(50))
    assert await other.read(len(expected)) == expected
    assert await viewer.read(len(expected)) == expected
    flooding.cancel()
    viewer.far.close()  # its end is behind the flood: the next sign of life finds it out
    assert viewer.wire.write(b"still there?")
    await asyncio.wait_for(viewer.left.wait(), 30)


async def test_a_pipelined_request_does_not_spoil_the_end(crowd: Crowd) -> None:
    """Bytes that nobody has read would make the kernel end the connection by a reset, which
    takes back what the viewer has not read yet."""
    viewer = crowd.viewer()
    await asyncio.get_running_loop().sock_sendall(viewer.far, b"GET /more HTTP/1.1\r\n\r\n" * 50)
    viewer.wire.write(b"the last words")
    viewer.wire.close()
    await asyncio.sleep(0.05)
    assert await viewer.read_all() == chunk(b"the last words") + LAST_CHUNK
