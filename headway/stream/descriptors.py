"""How many files and connections this process may have open, and whether that is nearly all."""

import errno
import os
import sys
from resource import RLIM_INFINITY, RLIMIT_NOFILE, getrlimit, setrlimit

RESERVE = 64
"""Descriptors that streams leave to pages, the database, Redis and files."""


def hard_limit() -> int:
    """How many this process may have open once its limit is raised."""
    return _number(getrlimit(RLIMIT_NOFILE)[1])


def raise_limit() -> int:
    """Raises the soft limit to the hard one, where that is allowed. The limit in force."""
    soft, hard = getrlimit(RLIMIT_NOFILE)
    try:
        setrlimit(RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):  # macOS: the hard one may be more than the kernel allows
        return _number(soft)
    return _number(hard)


def are_few(newest: int | None = None) -> bool:
    """Whether only the reserve is left. The kernel gives out the lowest number that is free, so
    the number of a new descriptor tells how many there are: of one is made, unless `newest` is one
    that was made just now."""
    limit = _number(getrlimit(RLIMIT_NOFILE)[0])
    if newest is None:
        try:
            newest = os.open(os.devnull, os.O_RDONLY)
        except OSError as error:
            return error.errno in (errno.EMFILE, errno.ENFILE)
        os.close(newest)
    return newest >= limit - min(RESERVE, limit // 4)


def _number(limit: int) -> int:
    return sys.maxsize if limit == RLIM_INFINITY else limit
