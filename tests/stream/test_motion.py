"""The numbers behind a bar: whatever a task reports, they stay honest."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.stream.event import clean, to_json
from headway.stream.motion import Meter
from headway.stream.quantity import MAX_NUMBER, finite, share
from headway.stream.speed import STALLED, WARM_UP, WINDOW, Speed


class Unspeakable:
    """As a model whose row is gone: neither a text nor a number can be made of it."""

    def __str__(self) -> str:
        raise RuntimeError("the row is gone")

    __float__ = __str__


anything = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary()),
    *(st.just(10**400), st.just(Unspeakable())),
)


def percents(reports: list[tuple[Any, Any]]) -> list[Any]:
    motion, seen = Meter(), []
    for now, (motion.current, motion.total) in enumerate(reports):
        seen.append(motion.describe(float(now))["percent"])
    return seen


@pytest.mark.parametrize(
    ("value", "number"),
    [(3, 3), (2.5, 2.5), (True, 1), ("7", 7), (-1, 0), (math.inf, MAX_NUMBER),
     (10**400, MAX_NUMBER), (math.nan, None), (None, None), ("seven", None), ([], None),
     (Unspeakable(), None)],
)  # fmt: skip
def test_an_amount_is_a_finite_number_or_nothing(value: Any, number: Any) -> None:
    assert finite(value) == number


@pytest.mark.parametrize(
    ("current", "total", "part"),
    [(1, 4, 0.25), (5, 4, 1.0), (1, 0, None), (1, None, None), (None, 4, None)],
)
def test_a_share_needs_a_total(current: Any, total: Any, part: Any) -> None:
    assert share(current, total) == part


def test_full_is_only_for_what_has_been_committed() -> None:
    assert percents([(0, 3), (1, 3), (3, 3), (5, 3)]) == [0.0, 33.3, 99.9, 99.9]


def test_a_growing_total_does_not_move_the_bar_back() -> None:
    assert percents([(5, 10), (5, 100), (60, 100)]) == [50.0, 50.0, 60.0]


def test_an_unknown_total_is_no_percentage() -> None:
    assert percents([(5, None), (5, 0), (5, math.nan), (5, 10)]) == [None, None, None, 50.0]


def test_a_phase_takes_its_share_of_what_is_left() -> None:
    motion = Meter()
    motion.enter("Scan", 0.2)
    motion.current, motion.total = 1, 2
    assert motion.describe(0)["percent"] == 10.0
    motion.enter("Read", 0.5)
    assert motion.describe(1)["percent"] is None
    motion.current, motion.total = 1, 2
    assert motion.describe(2)["percent"] == 40.0
    motion.enter("Write")
    motion.current, motion.total = 1, 2
    described = motion.describe(3)
    assert (described["percent"], described["phase"]) == (80.0, "Write")


def test_a_phase_after_progress_without_one_goes_on_from_there() -> None:
    motion = Meter()
    motion.current, motion.total = 1, 2
    assert motion.describe(0)["percent"] == 50.0
    motion.enter("Rest")
    motion.current, motion.total = 1, 2
    assert motion.describe(1)["percent"] == 75.0


@given(st.lists(st.tuples(anything, anything, st.none() | anything)))
def test_no_report_fails_moves_the_bar_back_or_is_not_json(
    reports: list[tuple[Any, Any, Any]],
) -> None:
    motion, highest = Meter(), 0.0
    for now, (current, total, phase) in enumerate(reports):
        if phase is not None:
            motion.enter(phase, phase)
        motion.current, motion.total, motion.message = current, total, phase
        described = motion.describe(float(now))
        assert "\n" not in to_json(described)
        if described["percent"] is not None:
            assert highest <= described["percent"] <= 99.9
            highest = described["percent"]


def test_a_speed_is_claimed_after_a_warm_up_and_until_nothing_moves() -> None:
    speed = Speed()
    assert speed.rate(0) is None
    for second in range(6):
        speed.sample(second, 10.0 * second)
        assert speed.rate(second) == (None if second < 1 + WARM_UP else pytest.approx(10))
    assert speed.rate(5 + STALLED) == pytest.approx(10)
    assert speed.rate(5.1 + STALLED) is None


def test_a_speed_follows_what_it_sees_smoothly_and_forgets_a_restart() -> None:
    speed = Speed()
    for second in range(10):
        speed.sample(second, 10.0 * second)
    speed.sample(10, 190.0)
    rate = speed.rate(10)
    assert rate is not None
    assert 10 < rate < 100
    speed.sample(11, 0.0)
    assert speed.rate(11) is None


def test_a_speed_forgets_what_was_longer_ago_than_its_window() -> None:
    speed = Speed()
    for tenth in range(1200):
        speed.sample(tenth / 10, tenth if tenth < 600 else 600 + (tenth - 600) / 10)
    assert speed.rate(120) == pytest.approx(1)
    assert len(speed._steps) <= 10 * WINDOW + 2


def test_of_two_samples_at_one_moment_the_second_waits_for_the_next() -> None:
    speed = Speed()
    for now, value in ((0, 0), (1, 5), (1, 10), (4, 20), (4, 20)):
        speed.sample(now, value)
    assert speed.rate(4) == 5


def test_rate_and_eta_are_given_when_they_are_known() -> None:
    motion = Meter()
    for second in range(6):
        motion.current, motion.total = 10 * second, 100
        described = motion.describe(float(second))
    assert described["rate"] == 10
    assert described["eta"] == 5


@given(
    rate=st.floats(math.log(2), math.log(1e6)).map(math.exp),
    restored=st.just(0) | st.integers(1, 10**9),
    going_through=st.integers(1, 6),
    phase=st.none() | st.floats(0.05, 1),
    ticks=st.lists(st.floats(0, 0.03), min_size=90, max_size=90),
)
def test_a_constant_rate_is_shown_within_a_fifth_from_three_seconds_on(
    rate: float, restored: int, going_through: int, phase: float | None, ticks: list[float]
) -> None:
    """Whatever was restored, in one jump or in several, as of a loop that skips what is done."""
    motion = Meter()
    motion.describe(0.0)
    if phase is not None:
        motion.enter("Import", phase)
    total = restored + round(rate * 60)
    for tick, late in enumerate(ticks, 1):
        now = tick / 10 + late
        gone = restored * min(tick, going_through) // going_through
        motion.current, motion.total = gone + math.floor(rate * now), total
        shown = motion.describe(now)
        if now >= 3:
            assert shown["rate"] == pytest.approx(rate, rel=0.2)
        if now >= 3 and phase in (None, 1):
            assert shown["eta"] == pytest.approx((total - motion.current) / rate, rel=0.2)


def test_what_is_left_is_told_by_the_count_also_while_the_bar_waits_for_a_growing_total() -> None:
    motion = Meter()
    for second in range(9):
        motion.current, motion.total = 10 * second, 90 if second < 6 else 280
        described = motion.describe(float(second))
    assert described["percent"] == 55.5
    assert described["eta"] == 20


def test_a_phase_without_any_share_of_the_bar_says_nothing_of_what_is_left() -> None:
    motion = Meter()
    motion.enter("Check", 0)
    for second in range(6):
        motion.current, motion.total = second, 100
        described = motion.describe(float(second))
    assert (described["rate"], described["eta"]) == (1, None)


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\nb\tc\0d", "a b c d"), (" x ", "x"), ("\ud800", "?"), (7, "7"),
     ("ä" * 600, "ä" * 499 + "…"), ("a\x1b[31mred\u202e", "a [31mred"), ("x" * 500, "x" * 500),
     (Unspeakable(), "<Unspeakable>"), (KeyError("of the inside"), "KeyError")],
)  # fmt: skip
def test_a_text_becomes_one_printable_line(text: object, line: str) -> None:
    assert clean(text) == line
