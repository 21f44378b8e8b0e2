"""Writing straight to sockets: nothing is lost or torn by what the kernel answers."""

import asyncio
import errno
import os
import resource
import socket
from functools import partial

import pytest

from headway.stream import direct
from headway.stream.direct import LAST_CHUNK
from tests.stream.serving import descriptors
from tests.stream.viewers import Crowd, chunk


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
