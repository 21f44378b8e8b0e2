"""Doing things in many threads at one moment, each with a database connection of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def at_once(acts: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """What each act returned or raised, in the order of `acts`; all begin together."""
    barrier = threading.Barrier(len(acts))
    outcomes: dict[int, T | Exception] = {}

    def run(number: int, act: Callable[[], T]) -> None:
        barrier.wait()
        try:
            outcomes[number] = act()
        except Exception as error:  # noqa: BLE001 - handed to the test
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes[number] for number in range(len(acts))]
