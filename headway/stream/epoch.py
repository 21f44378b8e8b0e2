"""Records in Redis which server's history its data belong to, before anybody writes or listens.

A server that was restarted from an older file, or a replica that was promoted, may lack the last
writes and say nothing of it. But its replication id is another one (INFO, section Replication).
append.lua compares the note with that of a job's last event, and lets readers know.
"""

import re
from contextlib import suppress
from importlib import resources
from typing import Any, NamedTuple

from redis.exceptions import NoPermissionError, ResponseError

from . import keys

ABOUT = ("INFO", "replication")
_ID = re.compile(rb"master_replid:(\w+)")
_SCRIPT = resources.files(__package__).joinpath("epoch.lua").read_text()


class Epoch(NamedTuple):
    """A history that the data of a server belong to: its replication id, and the highest number
    that can have been given out before it began. Both are empty where nobody could ask."""

    server: str = ""
    since: int = 0

    @classmethod
    def from_note(cls, note: bytes | None) -> "Epoch":
        """What is stored under keys.EPOCH: "<replication id> <number>". Later versions may add
        words."""
        server, since, *_ = *(note or b"").decode().split(" "), "", ""
        return cls(server, int(since or 0))

    def is_other(self, other: "Epoch") -> bool:
        """Whether both are known, and not the same server's."""
        return bool(self.server and other.server) and self.server != other.server


def on_connect(connection: Any) -> None:
    """To be redis-py's `redis_connect_func`: every new connection may be to another server. Where
    the user may not ask, such losses go unnoticed."""
    connection.on_connect()
    try:
        connection.send_command(*ABOUT)
        connection.send_command(*_note(connection.read_response(disable_decoding=True)))
        connection.read_response()
    except NoPermissionError:
        return


async def async_on_connect(connection: Any) -> None:
    """The same for an event loop and for one who only listens, also to a server that takes no
    writes now: nobody has written there before it was noted. `connection.epoch` is what it has
    found."""
    connection.epoch = Epoch()
    await connection.on_connect()
    with suppress(NoPermissionError):
        about = await _ask(connection, *ABOUT)
        try:
            note = await _ask(connection, *_note(about))
        except ResponseError:  # too few replicas, a full disk
            note = await _ask(connection, "GET", keys.EPOCH)
        connection.epoch = Epoch.from_note(note)


async def _ask(connection: Any, *command: Any) -> Any:
    await connection.send_command(*command)
    return await connection.read_response(disable_decoding=True)


def _note(about: bytes) -> tuple[Any, ...]:
    """The command that notes a server by what it says about itself."""
    found = _ID.search(about)
    return "EVAL", _SCRIPT, 2, keys.EPOCH, keys.LAST, found[1] if found else ""
