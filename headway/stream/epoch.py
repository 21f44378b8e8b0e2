"""Records in Redis which server's history its data belong to, before a writer writes.

A server that was restarted from an older file, or a replica that was promoted, may lack the last
writes and say nothing of it. But its replication id is another one (INFO, section Replication).
append.lua compares the note with that of a job's last event, and lets readers know.
"""

import re
from typing import Any

from redis.exceptions import NoPermissionError

from . import keys

_ID = re.compile(r"master_replid:(\w+)")


def on_connect(connection: Any) -> None:
    """To be redis-py's `redis_connect_func`: every new connection may be to another server. Where
    the user may not ask, such losses go unnoticed."""
    connection.on_connect()
    try:
        about = _ask(connection, "INFO", "replication")
    except NoPermissionError:
        return
    found = _ID.search(about.decode())
    if found and _ask(connection, "GET", keys.EPOCH) != found[1].encode():
        _ask(connection, "SET", keys.EPOCH, found[1])


def _ask(connection: Any, *command: str) -> Any:
    connection.send_command(*command)
    return connection.read_response(disable_decoding=True)
