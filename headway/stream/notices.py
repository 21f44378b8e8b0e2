"""What a stream says about itself: how it begins, why it ends, and that there are too many."""

import random

from . import sse
from .subscription import Subscription

CLOSING = b": this server is ending: come back, another one goes on from your cursor\n"
SPENT = b": this stream has lasted long enough: come back, it goes on from your cursor\n"
"""Why a stream ends that is to be resumed: comments, the first line of its last block."""


def opening(reader: Subscription) -> bytes:
    """The first block of a stream: how long to wait before coming back (jittered, so that a
    restart is not answered by a stampede) and an id, which a bare blank line would reset."""
    wait = 300 if reader.waits else 1000
    retry = random.randint(wait, 3 * wait)  # noqa: S311 - not a secret
    return b"retry: %d\nid: %d\n\n" % (retry, reader.cursor)


def farewell(why: bytes, sign: bytes = b"") -> bytes:
    """The last block of a stream that is to be resumed soon; `why` is a comment."""
    retry = random.randint(100, 1000)  # noqa: S311 - not a secret
    return sign + why + sse.encode(retry=retry)


def busy() -> bytes:
    """All that a stream over a limit says."""
    retry = random.randint(20_000, 40_000)  # noqa: S311 - not a secret
    return sse.encode(f'{{"retry":{retry}}}', event="busy", retry=retry)
