"""No job that comes along can keep a worker for ever."""

import pytest

from headway.kinds import registry

OURS = sorted(
    name
    for name, kind in registry.kinds().items()
    if kind.task.run.__module__.partition(".")[0] in ("jobs", "headway")
)


@pytest.mark.parametrize("name", OURS)
def test_each_kind_is_told_to_end_and_then_ended(name: str) -> None:
    task = registry.get(name).task
    assert task.soft_time_limit
    assert task.time_limit
    assert task.soft_time_limit < task.time_limit


def test_there_are_some() -> None:
    assert len(OURS) >= 7
