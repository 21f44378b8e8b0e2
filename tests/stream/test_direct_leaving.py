"""Writing straight to sockets: who leaves is heard of, not waited for, and leaves nothing open."""

import asyncio
import os
import socket

import pytest

from headway.stream import direct
from headway.stream.direct import LAST_CHUNK
from tests.stream.serving import descriptors, until
from tests.stream.viewers import Crowd, Viewer, chunk


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
