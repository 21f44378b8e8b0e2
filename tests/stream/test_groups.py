"""Questions that come while others are answered are the next group."""

import asyncio
import threading
from collections.abc import Sequence

import pytest
from asgiref.sync import sync_to_async

from headway.stream import groups
from headway.stream.groups import Groups
from tests.stream.streams import until


class Thread:
    """Answers in capitals, once it may; `groups` has what it was asked."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.may = threading.Event()
        self.may.set()
        self.begun = threading.Event()
        self.most = 100

    def answer(self, questions: Sequence[str]) -> list[str | Exception]:
        self.groups.append([*questions])
        self.begun.set()
        assert self.may.wait(60)
        if "all wrong" in questions:
            raise OSError("nothing is known")
        wrong = ValueError("wrong")
        return [wrong if one == "wrong" else one.upper() for one in questions[: self.most]]


@pytest.fixture
def thread() -> Thread:
    return Thread()


@pytest.fixture
def asked(thread: Thread) -> Groups[str, str]:
    return Groups(sync_to_async(thread.answer))


async def test_what_comes_meanwhile_is_answered_together(
    thread: Thread, asked: Groups[str, str]
) -> None:
    thread.may.clear()
    first = asked.ask("a")
    await asyncio.to_thread(thread.begun.wait)
    others = [asked.ask(letter) for letter in "bcd"]
    thread.may.set()
    assert await asyncio.gather(first, *others) == ["A", "B", "C", "D"]
    assert thread.groups == [["a"], ["b", "c", "d"]]
    assert await asked.ask("e") == "E", "it begins again after a rest"


async def test_an_error_is_told_to_those_whom_it_is_about(
    thread: Thread, asked: Groups[str, str]
) -> None:
    told = await asyncio.gather(*map(asked.ask, ("a", "wrong", "b")), return_exceptions=True)
    assert [type(one) for one in told] == [str, ValueError, str]
    told = await asyncio.gather(*map(asked.ask, ("a", "all wrong")), return_exceptions=True)
    assert [type(one) for one in told] == [OSError, OSError]
    assert await asked.ask("b") == "B"


async def test_an_answer_that_was_given_before_stays_and_what_went_wrong_then_is_logged(
    thread: Thread, asked: Groups[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    thread.may.clear()
    early, late = asked.ask("a"), asked.ask("all wrong")
    await asyncio.to_thread(thread.begun.wait)
    early.set_result("already")
    thread.may.set()
    with pytest.raises(OSError, match="nothing is known"):
        await late
    assert await early == "already"
    assert [type(each.exc_info[1]) for each in caplog.records if each.exc_info] == [OSError]


async def test_what_is_left_over_is_asked_next(
    thread: Thread, asked: Groups[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_TOGETHER", 3)
    thread.most = 2
    assert await asyncio.gather(*map(asked.ask, "abcde")) == [*"ABCDE"]
    assert thread.groups == [["a", "b", "c"], ["c", "d", "e"], ["e"]]


async def test_nobody_waits_for_the_answer_to_a_question_that_was_taken_back(
    thread: Thread, asked: Groups[str, str]
) -> None:
    thread.may.clear()
    first, second = asked.ask("a"), asked.ask("b")
    await asyncio.to_thread(thread.begun.wait)
    third, fourth = asked.ask("c"), asked.ask("d")
    second.cancel()
    third.cancel()
    thread.may.set()
    assert [await first, await fourth] == ["A", "D"]
    assert thread.groups == [["a", "b"], ["d"]]
    only = asked.ask("e")
    only.cancel()
    await until(lambda: asked._task is None)
    assert thread.groups == [["a", "b"], ["d"]]


async def test_when_the_loop_ends_so_does_the_waiting(
    thread: Thread, asked: Groups[str, str]
) -> None:
    thread.may.clear()
    first = asked.ask("a")
    await asyncio.to_thread(thread.begun.wait)
    second = asked.ask("b")
    assert asked._task is not None
    asked._task.cancel()
    thread.may.set()
    told = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in told] == [asyncio.CancelledError] * 2
