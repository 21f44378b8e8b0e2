"""How many files and connections this process may have open, and whether that is nearly all."""

import errno
import os
import resource

RESERVE = 64
"""Descriptors that streams leave to pages, the database, Redis and files."""


def raise_limit() -> int:
    """Raises the soft limit to the hard one, where that is allowed. The limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):  # macOS: the hard one may be more than the kernel allows
            return soft
    return hard


def are_few() -> bool:
    """Whether only the reserve is left. The kernel gives out the lowest number that is free, so
    the number of a new descriptor tells how many there are."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        probe = os.open(os.devnull, os.O_RDONLY)
    except OSError as error:
        return error.errno in (errno.EMFILE, errno.ENFILE)
    os.close(probe)
    return probe >= limit - min(RESERVE, limit // 4)
