"""Writing straight to sockets: nothing is lost, torn or given to somebody else, whatever the far
end and the kernel do, and nothing is left open."""

import asyncio
import errno
import os
import resource
import socket
from collections.abc import AsyncIterator
from functools import partial

import pytest

from headway.stream import direct
from headway.stream.direct import LAST_CHUNK, MAX_HEARD
from tests.stream.serving import descriptors, until
from tests.stream.viewers import Crowd, Viewer, chunk


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    made = Crowd()
    yield made
    await made.leave()


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


async def test_who_does_not_take_the_end_is_not_waited_for(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "LINGER", 0.1)
    viewer = crowd.viewer()
    viewer.fill(b"z" * 100_000)
    viewer.wire.close()
    await asyncio.wait_for(viewer.left.wait(), 30)
    assert crowd.sockets.cut_off == 1


async def test_a_reset_throws_away_what_was_not_taken(crowd: Crowd) -> None:
    viewer = crowd.viewer()
    viewer.fill(b"z" * 100_000)
    viewer.wire.reset()
    viewer.wire.reset()
    assert viewer.number < 0
    with pytest.raises(ConnectionResetError):
        await viewer.read_all()
    await asyncio.wait_for(viewer.left.wait(), 30)


async def test_closing_waits_for_the_last_bytes_but_not_for_long(crowd: Crowd) -> None:
    quick, slow = crowd.viewer(), crowd.viewer()
    taken = quick.fill(b"q" * 100_000)
    slow.fill(b"s" * 100_000)
    quick.wire.close()
    slow.wire.close()
    closing = asyncio.ensure_future(crowd.sockets.close(1.0))
    assert await quick.read_all() == taken + LAST_CHUNK
    await closing
    assert slow.number < 0


@pytest.mark.parametrize("way", ["close", "reset", "half"])
@pytest.mark.parametrize("state", ["idle", "full", "ending"])
async def test_who_leaves_is_heard_of_in_every_state(crowd: Crowd, way: str, state: str) -> None:
    viewer, stays = crowd.viewer(), crowd.viewer()
    if state != "idle":
        viewer.fill(b"x" * 100_000)
    if state == "ending":
        viewer.wire.close()
    if way == "half":
        viewer.far.shutdown(socket.SHUT_WR)
    elif way == "reset":
        viewer.reset()
    else:
        viewer.far.close()
    await asyncio.wait_for(viewer.left.wait(), 30)
    assert viewer.wire.write(b"to nobody")
    viewer.wire.close()
    viewer.wire.abandon()
    assert len(crowd.sockets) == 1
    assert stays.wire.write(b"still here")
    assert await stays.read(15) == chunk(b"still here")


async def test_one_that_closes_its_reading_half_is_one_that_never_reads(crowd: Crowd) -> None:
    viewer = crowd.viewer()
    viewer.far.shutdown(socket.SHUT_RD)
    viewer.wire.write(b"x")
    await asyncio.sleep(0)
    viewer.far.close()
    await asyncio.wait_for(viewer.left.wait(), 30)


async def test_a_viewer_that_has_left_is_noticed_by_a_write(crowd: Crowd) -> None:
    """Before epoll has had its turn."""
    viewer = crowd.viewer()
    viewer.reset()
    assert viewer.wire.write(b"into a reset connection")
    assert viewer.number < 0
    assert not viewer.left.is_set(), "not in the middle of a flush"
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


async def test_nothing_reaches_a_descriptor_whose_number_is_another_s(crowd: Crowd) -> None:
    first = crowd.viewer()
    number = first.number
    second = crowd.viewer(just_before=first.wire.abandon)
    assert second.number == number, "the test did not make the number be used again"
    assert first.wire.write(b"secret of the first")
    first.wire.close()
    first.wire.abandon()
    assert second.wire.write(b"for the second")
    assert await second.read(10) == chunk(b"for the second")


async def test_an_event_of_before_is_not_taken_for_one_of_who_has_the_number_now(
    crowd: Crowd,
) -> None:
    """Two are told of in one batch; the first's makes the second leave, and a third come."""
    first, second = crowd.viewer(), crowd.viewer()
    crowd.sockets._look()
    number, third = second.number, list[Viewer]()
    taken = first.fill(b"x" * 1000)
    first.wire.ready = lambda: third.append(crowd.viewer(just_before=second.wire.abandon))
    await first.read(len(taken) - len(first.wire._rest))
    second.far.close()
    crowd.sockets._look()
    assert third[0].number == number, "the test did not make the number be used again"
    assert third[0].wire.write(b"hello")
    assert await third[0].read(10) == chunk(b"hello")
    assert not third[0].left.is_set()


class Kernel:
    """Fails writes as it is told."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.errors:
            raise OSError(self.errors.pop(0), "as told")
        return os.write(descriptor, data)


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM])
async def test_a_kernel_short_of_memory_is_asked_again(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    viewer = crowd.viewer()
    crowd.sockets._look()
    kernel = Kernel(number)
    with monkeypatch.context() as patch:
        patch.setattr(direct, "write", kernel.write)
        assert not viewer.wire.write(b"nothing of it is sent")
        await asyncio.wait_for(viewer.ready.wait(), 30)
        viewer.wire.write(b"now")
        kernel.errors = [number]
        viewer.wire.close()
        assert await viewer.read_all() == chunk(b"now") + LAST_CHUNK


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.EIO])
async def test_all_other_errors_are_a_viewer_who_has_left(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    viewer, late = crowd.viewer(), crowd.viewer()
    late.fill(b"x" * 100_000)
    with monkeypatch.context() as patch:
        patch.setattr(direct, "write", Kernel(number, number).write)
        assert viewer.wire.write(b"gone")
        await late.read_all()
        await asyncio.wait_for(late.left.wait(), 30)
    await asyncio.wait_for(viewer.left.wait(), 30)


async def test_a_signal_in_the_middle_of_a_write_changes_nothing(crowd: Crowd) -> None:
    """EINTR is the interpreter's to deal with (PEP 475): a thousand alarms, nothing lost."""
    import signal

    rung = 0

    def ring(*_: object) -> None:
        nonlocal rung
        rung += 1

    viewer, expected = crowd.viewer(), b""
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        for number in range(300):
            piece = b"%05d" % number * 500
            if viewer.wire.write(piece):
                expected += chunk(piece)
            await asyncio.sleep(0)
            await viewer.read(min(len(expected), len(viewer.got) + 1000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    await viewer.read(len(expected))
    assert viewer.got == expected
    assert rung > 10


async def test_without_a_descriptor_the_connection_stays_where_it_is(crowd: Crowd) -> None:
    near, far = socket.socketpair()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = descriptors()
    lowest = os.dup(near.fileno())
    os.close(lowest)
    for spare in (0, 1):  # none for the epoll, and none for the connection
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + spare, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                crowd.sockets.adopt(near.fileno())
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    no_socket = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(OSError, match="non-socket"):
        crowd.sockets.adopt(no_socket)
    os.close(no_socket)
    assert descriptors() == before
    near.sendall(b"unharmed")
    assert far.recv(10) == b"unharmed"
    near.close()
    far.close()


async def test_a_unix_socket_is_taken_too(crowd: Crowd) -> None:
    near, far = socket.socketpair()
    wire = crowd.sockets.adopt(near.fileno())
    near.close()
    far.setblocking(False)
    take = partial(asyncio.get_running_loop().sock_recv, far, 100)
    assert wire.write(b"hello")
    assert await take() == chunk(b"hello")
    wire.close()
    assert await take() == LAST_CHUNK
    assert await take() == b""
    far.close()


async def test_the_kernel_is_asked_to_notice_who_vanishes(crowd: Crowd) -> None:
    with socket.socket(fileno=os.dup(crowd.viewer().number)) as seen:
        assert seen.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        tcp = socket.IPPROTO_TCP
        assert seen.getsockopt(tcp, socket.TCP_USER_TIMEOUT) <= 45_000
        assert seen.getsockopt(tcp, socket.TCP_KEEPIDLE) <= 30
        assert not os.get_inheritable(seen.fileno())


async def test_thousands_who_come_and_go_leave_nothing(crowd: Crowd) -> None:
    for number in range(2000):
        viewer = crowd.viewer()
        viewer.wire.write(b"x" * 1000)
        if number % 3 == 0:
            viewer.reset()
        elif number % 3 == 1:
            viewer.far.close()
        else:
            viewer.wire.close()
            viewer.far.close()
        if number % 50 == 0:
            await asyncio.sleep(0)
    await until(lambda: not len(crowd.sockets))
    assert descriptors() <= crowd.before
    assert all(viewer.left.is_set() for viewer in crowd.all)


async def test_closing_what_is_empty_is_nothing(crowd: Crowd) -> None:
    await crowd.sockets.close()
