"""Questions to the thread that streams share: those that arrive while it answers others are its
next group, and cost one hop between them."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

MAX_TOGETHER = 100
"""Questions of one group at most."""
PAUSE = 0.003
"""Seconds from a group to the next, in which more may come: on a busy process the event loop gets
no further than the one question that it has found while the thread was at work."""
Q = TypeVar("Q")
A = TypeVar("A")


class Groups(Generic[Q, A]):
    """Those of one event loop. `answer` takes a group to the thread, and gives an answer, or the
    exception, for each of its first questions; what it has left goes to the next group. What has
    its answer by then keeps it."""

    def __init__(self, answer: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    def ask(self, question: Q) -> "asyncio.Future[A]":
        """The answer to come. A question whose answer is cancelled before its turn is not asked."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._task is None:
            # A fresh context: the task must not keep anybody's request alive.
            loop, context = asyncio.get_running_loop(), contextvars.Context()
            self._task = loop.create_task(self._run(), name="streams are let in", context=context)
        return answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._take(self._waiting[:MAX_TOGETHER])
                await asyncio.sleep(PAUSE)
        finally:
            self._task = None
            for _, answer in self._waiting:
                answer.cancel()
            self._waiting.clear()

    async def _take(self, group: list[tuple[Q, "asyncio.Future[A]"]]) -> None:
        del self._waiting[: len(group)]
        group = [(question, answer) for question, answer in group if not answer.done()]
        found: Sequence[A | Exception] = ()
        try:
            if group:
                found = await self._answer([question for question, _ in group])
        except Exception as error:  # noqa: BLE001 - whoever asked is to learn of it
            found = [error] * len(group)
        finally:
            self._waiting[:0] = group[len(found) :]
        for (_, answer), each in zip(group, found, strict=False):
            if answer.done():
                if isinstance(each, Exception) and not answer.cancelled():
                    logger.error("A stream was let in before this went wrong", exc_info=each)
            elif isinstance(each, Exception):
                answer.set_exception(each)
            else:
                answer.set_result(each)
