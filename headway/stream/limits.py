"""Limits of what streams may cost."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    tick: float = 0.05
    """Between two writes to one viewer at least."""
    keepalive: float = 15.0
    """Of silence, after which something is sent whatever Redis does."""
    max_age: float = 600.0
    """Of a stream, give or take a tenth; it then ends cleanly, to be resumed."""
    max_bytes: int = 4 * 1024 * 1024
    """Of a stream, likewise: all that a server can be made to keep for a viewer who never reads."""
    recheck: float = 30.0
    """Between two looks at whether a reader may still read."""
    buffer: int = 256 * 1024
    """That wait for a generator's consumer before it counts as behind."""
    max_streams: int = 20_000
    """Of one process, in all."""
    max_held: int = 100
    """Of one process, for one holder."""
    unread: float = 30.0
    """After its end, until a stream that its client does not read is reset."""
    hand_over: bool = True
    """Whether connections are taken over from web servers that let go of them."""
