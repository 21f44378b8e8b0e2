"""How an attempt went over time is kept within bounds, whatever the task does and however long."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headway.stream import Log, Reporter
from headway.stream.course import EVERY, MAX_PHASES, MAX_SAMPLES, Course
from tests.stream.conftest import Written

steps = st.lists(st.floats(0, 1e5), max_size=400)


@given(steps)
def test_samples_are_few_in_order_and_cover_the_whole_time(gaps: list[float]) -> None:
    course, at = Course(), 0.0
    told: list[float] = []
    for gap in gaps:
        at += gap
        course.sample(at, 50.0, None)
        told.append(at)
    times = [sample[0] for sample in course.samples]
    assert len(times) < MAX_SAMPLES
    assert times == sorted(times)
    if told:
        assert times[0] == round(told[0], 2)


def test_a_long_attempt_is_sampled_evenly() -> None:
    course = Course()
    for tick in range(36_000):  # an hour
        course.sample(tick / 10, tick / 360, 10.0)
    times = [sample[0] for sample in course.samples]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert MAX_SAMPLES / 3 < len(times) < MAX_SAMPLES
    assert max(gaps) < 2.2 * min(gaps)
    assert times[-1] > 3600 - 2 * max(gaps)


def test_what_is_not_known_is_no_sample() -> None:
    course = Course()
    course.sample(0.0, None, None)
    course.sample(0.1, None, 3.0)
    course.sample(0.1 + EVERY / 2, 1.0, 3.0)
    assert course.samples == [(0.1, None, 3.0)]


def test_a_phase_lasts_until_the_next_and_the_same_name_goes_on() -> None:
    course = Course()
    course.end(0.5)
    course.enter("Read", 1)
    course.enter("Read", 2)
    course.enter("Write", 3)
    assert course.phases == [
        {"name": "Read", "started": 1, "ended": 3},
        {"name": "Write", "started": 3, "ended": None},
    ]
    course.end(4)
    course.end(9)
    assert course.phases[-1]["ended"] == 4


def test_phases_without_number_become_one() -> None:
    course = Course()
    for number in range(5000):
        course.enter(f"file {number}", number)
    assert len(course.phases) == MAX_PHASES
    assert course.phases[-1] == {"name": "…", "started": MAX_PHASES - 1, "ended": None}


def test_it_goes_on_from_what_a_row_has_and_hears_only_what_is_newer() -> None:
    course = Course([{"name": "Read", "started": 1.0, "ended": None}], [(5.0, 10.0, 1.0)])
    for elapsed, phase in ((None, "x"), (4.0, "x"), (6.0, "Read"), (8.0, "Write"), (9.0, "")):
        course.hear({"elapsed": elapsed, "phase": phase, "percent": 20.0, "rate": None})
    phases, samples = course.copy()
    assert [(phase["name"], phase["ended"]) for phase in phases] == [("Read", 8.0), ("Write", None)]
    assert [sample[0] for sample in samples] == [5.0, 6.0, 8.0, 9.0]
    fresh = Course()
    fresh.hear({"elapsed": 0.0, "phase": "Read", "percent": None, "rate": None})
    assert fresh.copy() == ([{"name": "Read", "started": 0.0, "ended": None}], [])


def test_a_reporter_knows_its_phases_and_samples(log: Log, job: str, entries: Written) -> None:
    now = 0.0
    reporter = Reporter(log, job, 1, clock=lambda: now)
    reporter.phase("Read")
    reporter.update(5, 10)
    for now in (1.0, 2.0):
        reporter.flush(now)
    reporter.phase("Write")
    now = 7.5
    reporter.stop()
    phases, samples = reporter.record.course.copy()
    assert phases == [
        {"name": "Read", "started": 0.0, "ended": 2.0},
        {"name": "Write", "started": 2.0, "ended": 7.5},
    ]
    assert [sample[:2] for sample in samples] == [(1.0, 50.0), (2.0, 50.0)]
    told = log.told(job, 1)
    assert [progress["phase"] for progress in told.course] == ["Read", "Write"]
    assert len(entries()) == 2
