"""Rounds in which everybody takes a turn, so that a slow minute of the machine hits all alike."""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from benchmarks.table import Result


class Entrant(Protocol):
    """What takes turns."""

    name: str

    @property
    def swift(self) -> bool:
        """Whether a quick run includes it."""

    def missing(self) -> str:
        """What has to be installed first; "" when nothing is."""


E = TypeVar("E", bound=Entrant)


def interleaved(
    result: Result,
    servers: Sequence[E],
    rounds: int,
    measure: Callable[[E], dict[str, float]],
) -> None:
    """Adds a row for each server that is installed, and a note for each that is not. A quick run
    makes do with few of them."""
    able = [server for server in servers if not server.missing()]
    if result.quick:
        able = [server for server in able if server.swift]
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    for number in range(1, rounds + 1):
        for server in able:
            found[server.name].append(one := measure(server))
            sys.stderr.write(f"{result.name}, round {number}, {server.name}: {one}\n")
    for name, measured in found.items():
        result.add(name, measured)
    result.notes += [
        f"{server.name} was left out: {server.missing()} is not installed"
        for server in servers
        if server.missing()
    ]
