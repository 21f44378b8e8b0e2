"""Connections that are given the same bytes, in as few steps as Python allows: what is done for
each of them is little more than one system call."""

from collections.abc import Iterable
from itertools import repeat
from os import write
from typing import Any, Protocol


class Member(Protocol):
    """A connection of a crowd (direct.py). It leaves before it writes by itself, and before its
    descriptor is closed, and tells its owner."""

    owner: Any

    def keep(self, chunk: bytes, sent: int) -> None:
        """Leaves: of this chunk the kernel has taken only so much, the rest is still to be sent."""

    def fail(self, error: OSError) -> bool:
        """Leaves: nothing of a chunk was taken. Whether nobody is there to take it any more."""


class Crowd:
    """`sent`: bytes to each of those who were in it all the time."""

    __slots__ = ("_members", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self._members: dict[int, Member] = {}

    def __len__(self) -> int:
        return len(self._members)

    @property
    def owners(self) -> Iterable[Any]:
        """Those of its connections."""
        return [member.owner for member in self._members.values()]

    def add(self, descriptor: int, member: Member) -> None:
        """Writes to this descriptor as well from now on."""
        self._members[descriptor] = member

    def remove(self, descriptor: int) -> None:
        """No longer."""
        del self._members[descriptor]

    def write(self, piece: bytes) -> tuple[list[Any], list[Any]]:
        """Sends a piece to all. Owners of connections that have left it: those that took the piece,
        and those that did not and have to be asked again."""
        chunk, torn, refused = as_chunk(piece), list[Any](), list[Any]()
        numbers, place = tuple(self._members), 0
        while place < len(numbers):
            try:
                # A loop in Python around each call takes as long as a tenth of the call
                # (docs/performance.md, fanout).
                for sent in map(write, numbers[place:], repeat(chunk)):
                    if sent != len(chunk):
                        member = self._members[numbers[place]]
                        torn.append(member.owner)
                        member.keep(chunk, sent)
                    place += 1
            except OSError as error:
                member = self._members[numbers[place]]
                owner = member.owner
                (torn if member.fail(error) else refused).append(owner)
                place += 1
        self.sent += len(chunk)
        return torn, refused


def as_chunk(piece: bytes) -> bytes:
    """A piece as a chunk (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)
