"""What a process knows of its limit on open files and connections."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from headway.stream import descriptors

RAISE = """
import resource
from headway.stream import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 300))
assert descriptors.hard_limit() == 300
assert descriptors.raise_limit() == 300
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, 300)
"""


@pytest.fixture
def limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_that_is_allowed() -> None:
    """In a process of its own: a hard limit can only be lowered."""
    subprocess.run([sys.executable, "-c", RAISE], check=True)


def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(descriptors, "setrlimit", refuse)
    assert descriptors.raise_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_the_limit_is_what_it_can_be_raised_to() -> None:
    assert descriptors.raise_limit() == descriptors.hard_limit()


def test_no_limit_is_a_large_one(monkeypatch: pytest.MonkeyPatch) -> None:
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(descriptors, "getrlimit", lambda _: unlimited)
    assert descriptors.hard_limit() > 10**9
    assert not descriptors.are_few()


def test_descriptors_are_few_before_the_last_are_used(limit: None) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    opened = [os.dup(0)]
    while not descriptors.are_few():
        opened.append(os.dup(0))
    assert max(opened) == 256 - descriptors.RESERVE - 1
    try:
        while True:
            opened.append(os.dup(0))
    except OSError:
        assert descriptors.are_few(), "none is left at all"
    for each in opened:
        os.close(each)
