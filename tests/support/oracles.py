"""What must hold of everything that viewers got, whatever has happened meanwhile."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from headway.stream.sse import Message

CONFLATED = "progress"
"""Of these a newer one may stand for older ones; all others arrive one by one."""
RESTATED = ("snapshot", "resync")
"""These say that what came before them may be incomplete."""


def numbers(messages: Iterable[Message]) -> dict[str, set[int]]:
    """The numbers of all events of each job that no viewer may miss."""
    found: dict[str, set[int]] = {}
    for message in messages:
        data = parsed(message)
        if "job" in data and message.event not in (CONFLATED, *RESTATED):
            found.setdefault(data["job"], set()).add(int(message.id))
    return found


def parsed(message: Message) -> dict[str, Any]:
    """The data of an event that has fields, else nothing."""
    data = {} if message.event == "done" else json.loads(message.data)
    return data if isinstance(data, dict) else {}


@dataclass
class _Place:
    """How far one viewer is with one job."""

    number: int = 0
    restated: bool = True
    percents: dict[int, float] = field(default_factory=dict)


def violations(messages: list[Message], known: Mapping[str, set[int]]) -> Iterator[str]:
    """A sentence for each event that came twice or out of order, each gap that nothing told of,
    and each bar that went back. `known`: the numbers of all events that there were."""
    places: dict[str, _Place] = {}
    before: tuple[str, object] = ("", None)
    for message in messages:
        data = parsed(message)
        if "job" not in data:
            continue
        place = places.setdefault(data["job"], _Place())
        says_so_too = message.event == CONFLATED and before == ("snapshot", data["job"])
        before = (message.event, data["job"])
        if message.event in RESTATED or says_so_too:
            # What it shows may be newer than the events that follow, if it is of the database.
            place.restated, place.percents = True, {}
        else:
            yield from _out_of_place(message, place, known.get(data["job"], set()))
            yield from _backwards(data, place)


def _out_of_place(message: Message, place: _Place, known: set[int]) -> Iterator[str]:
    number = int(message.id)
    if number <= place.number and not place.restated:
        yield f"{message.event} {number} came after {place.number}"
    missing = sorted(each for each in known if place.number < each < number)
    if missing and not place.restated:
        yield f"{missing} are missing between {place.number} and {number} of {message.data[:60]}"
    place.number, place.restated = number, False


def _backwards(data: dict[str, Any], place: _Place) -> Iterator[str]:
    percent, attempt = data.get("percent"), data.get("attempt", 0)
    if percent is None:
        return
    if percent < place.percents.get(attempt, 0.0):
        yield f"the bar of attempt {attempt} went back from {place.percents[attempt]} to {percent}"
    place.percents[attempt] = percent


def overlaps(runs: Iterable[tuple[int, float, float]]) -> Iterator[str]:
    """A sentence for each two attempts (number, begin, end) of one job that lived at once."""
    for (first, _, end), (second, begin, _) in pairwise(sorted(runs)):
        if begin < end:
            yield f"attempt {second} began {end - begin:.2f} s before attempt {first} had ended"
