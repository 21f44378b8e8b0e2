"""Charts add up and are well-formed, whatever the numbers: to scale, without NaN, as text too."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from headway.models import Attempt, Job
from headway.web.charts import Bar, Chart, Column, stacked_bars, thin_bars
from headway.web.strips import Part, lines, shares, strip
from headway.web.timeline import Timeline, timeline
from tests.jobs import rows

BEGAN = datetime(2026, 11, 22, 21, 9, 40, tzinfo=UTC)
anything = st.floats(allow_nan=True, allow_infinity=True)


def drawn(chart: Chart) -> ElementTree.Element:
    """The picture, which is XML that a browser reads, and has only numbers for coordinates."""
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<title>.*?</title>", "", chart.svg))
    assert "style=" not in chart.svg
    return ElementTree.fromstring(chart.svg)  # noqa: S314 - just made


def widths(chart: Chart) -> list[float]:
    return [float(part.attrib["width"][:-1]) for part in drawn(chart).findall("svg")]


@given(st.lists(anything, max_size=60))
def test_shares_add_up_and_none_is_too_narrow(sizes: list[float]) -> None:
    found = shares(sizes)
    assert len(found) == len(sizes)
    if sizes:
        assert sum(found) == pytest.approx(100)
        assert min(found) >= min(0.3, 100 / len(sizes)) - 1e-6


def test_shares_are_to_scale() -> None:
    assert shares([1, 3]) == pytest.approx([25, 75])
    assert shares([0, 0]) == [50, 50]
    assert shares([]) == []


@given(st.lists(anything, max_size=45))
def test_a_strip_is_as_wide_as_it_is(sizes: list[float]) -> None:
    parts = [Part(f"<Phase> {n}", "phase", size, "running") for n, size in enumerate(sizes)]
    chart = strip("All", parts, [(0, "09:00"), (1, "09:01"), (len(parts), "10:00")])
    found = widths(chart)
    assert len(found) == len(parts)
    if parts:
        assert sum(found) == pytest.approx(100, abs=0.01 * len(parts))


@given(st.lists(st.tuples(st.floats(0, 1e6), st.none() | anything, st.none() | anything)))
def test_lines_have_no_number_that_is_none(points: list[tuple[float, Any, Any]]) -> None:
    points.sort(key=lambda point: point[0])
    chart = lines(
        "Percent", [p[:2] for p in points], [(p[0], p[2]) for p in points], ("", "", ""), []
    )
    assert drawn(chart) is not None


@given(st.lists(st.dictionaries(st.sampled_from(["failed", "succeeded"]), st.integers(-1, 9))))
def test_stacked_bars_stay_within_their_picture(counts: list[dict[str, int]]) -> None:
    columns = [Column(f"{n}. May", each, f"?day={n}&x") for n, each in enumerate(counts)]
    chart = stacked_bars("Jobs", columns, ["succeeded", "failed"])
    for rect in drawn(chart).iter("rect"):
        if "y" in rect.attrib:
            top, height = (float(rect.attrib[name][:-1]) for name in ("y", "height"))
            assert -0.01 <= top <= top + height <= 100.02


@given(st.lists(st.none() | anything, max_size=40))
def test_thin_bars_stay_within_their_picture(seconds: list[float | None]) -> None:
    bars = [Bar(f"run {n}", each, "failed") for n, each in enumerate(seconds)]
    for rect in drawn(thin_bars("Runs", bars)).iter("rect"):
        assert 0 < float(rect.attrib["height"][:-1]) <= 100


def test_a_part_has_its_name_where_that_fits() -> None:
    sizes = {"Read": 10, "Reading the file": 36, "Importing": 14, "Afterwards": 39, "End": 1}
    found = strip("All", [Part(name, "phase", seconds) for name, seconds in sizes.items()])
    labels = [part.find("text") for part in drawn(found).findall("svg")]
    classes = [None if label is None else label.attrib["class"] for label in labels]
    assert classes == ["label half", "label half", "label wide", "label", None]


def test_a_chart_has_its_numbers_in_a_table_too() -> None:
    runs = thin_bars("Last runs", [Bar("21:09", 12.0, "failed", "/jobs/1/", "12 s")])
    page = Template("{{ chart }}").render(Context({"chart": runs}))
    assert "<caption>Last runs</caption>" in page
    assert "<td>21:09</td><td>12 s</td>" in page
    assert '<a href="/jobs/1/" aria-label="21:09: 12 s">' in page
    days = stacked_bars("Jobs", [Column("May", {"failed": 1200})], ["failed", "lost"])
    assert "<td>May</td><td>1,200</td><td>0</td>" in str(days)


def job_of(*attempts: dict[str, Any], **columns: Any) -> Job:
    """A job that was started at BEGAN, and has ended; seconds of attempts count from then."""
    job = rows.queued(created_at=BEGAN, **columns)
    for number, each in enumerate(attempts, 1):
        times = {name: after(value) for name, value in each.items() if name.endswith("_at")}
        Attempt.objects.create(**{"job": job, "number": number, **each, **times})
    return job


def after(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGAN + timedelta(seconds=seconds)


def parts(found: Timeline) -> list[tuple[str, ...]]:
    return [(row[0], row[2]) for row in found.strip.rows]


def test_a_job_has_waited_run_paused_and_run_again(db: None) -> None:
    reading = {"name": "Read", "started": 0.02, "ended": 4.0}
    writing = {"name": "Write", "started": 4.0, "ended": None}
    job = job_of(
        {"due_at": 0, "started_at": 3, "finished_at": 13, "phases": [reading, writing]},
        {"due_at": 300_000, "started_at": 300_001, "finished_at": 300_100, "status": "succeeded"},
        status="succeeded",
        attempt=2,
    )
    found = timeline(job)
    assert parts(found) == [
        *(("Waited", "3.0 s"), ("Read", "4.0 s"), ("Write", "6.0 s"), ("Pause", "83 h 19 min")),
        *(("Waited", "1.0 s"), ("Attempt 2", "1 min 39 s")),
    ]
    assert found.strip.title == "Waited 4.0 s, ran 1 min 49 s"
    assert widths(found.strip)[3] == pytest.approx(20, abs=1), "a long pause is not to scale"
    assert drawn(found.strip).findtext("text") == "22 Nov, 21:09", "it ended on another day"
    assert [row[1] for row in found.strip.rows][:2] == ["22 Nov, 21:09:40", "22 Nov, 21:09:43"]
    assert found.lines is None


def test_what_has_not_ended_lasts_until_now(db: None) -> None:
    job = job_of(not_before=after(60), status="queued")
    assert parts(timeline(job, after(90))) == [("Scheduled", "1 min 00 s"), ("Waiting", "30 s")]
    assert timeline(job, after(90)).strip.title == "Held back for 1 min 00 s, waiting for 30 s"
    assert parts(timeline(job, after(9))) == [("Scheduled", "9.0 s")]
    assert timeline(job, after(9)).strip.title == "Held back for 9.0 s so far"
    late = {"name": "Read", "started": 5.0, "ended": None}
    running = job_of({"started_at": 1, "phases": [late]}, status="running", attempt=1)
    assert parts(timeline(running, after(9))) == [
        *(("Waited", "1.0 s"), ("Run", "5.0 s"), ("Read", "3.0 s"))
    ]
    assert parts(timeline(job_of(status="cancelled", finished_at=after(7)))) == [
        ("Waited", "7.0 s")
    ]


def test_clocks_that_are_set_back_make_no_part_negative(db: None) -> None:
    odd = {"name": "Read", "started": 100.0, "ended": 90.0}
    job = job_of({"due_at": 50, "started_at": -10, "finished_at": -30, "phases": [odd]}, attempt=1)
    found = timeline(job, BEGAN)
    assert {seconds for _, seconds in parts(found)} <= {"0.0 s", "50 s"}
    assert sum(widths(found.strip)) == pytest.approx(100, abs=0.1)


def test_forty_phases_and_none_at_all(db: None) -> None:
    phases = [{"name": f"Step {n}", "started": n / 100, "ended": None} for n in range(40)]
    job = job_of(
        {"started_at": 0, "finished_at": 0.4, "phases": phases}, status="failed", attempt=1
    )
    assert len(widths(timeline(job).strip)) == 40
    assert parts(timeline(job_of(status="queued"), BEGAN)) == []


def test_percent_and_rate_are_drawn_as_far_as_they_are_known(db: None) -> None:
    samples = [[0.5, None, None], [1.0, 10.0, None], [2.0, 20.0, 5.0], [60.0, 90.0, 1234.0]]
    job = job_of(
        {"started_at": 0, "finished_at": 60, "samples": samples}, attempt=1, status="succeeded"
    )
    chart = timeline(job).lines
    assert chart is not None
    assert chart.title == "Percent and rate over 1 min 00 s, 100% · at most 1,234/s"
    assert chart.rows[-1] == ("1 min 00 s", "90%", "1,234/s")
    drawn(chart)
    slow = {"started_at": 0, "samples": [[1.0, None, 2.0], [2.0, None, 2.0]]}
    counted = job_of(slow, attempt=1, status="lost")
    known = timeline(counted).lines
    assert known is not None
    assert known.title.startswith("Rate over 2.0 s, at most 2/s")


def test_the_chart_of_an_attempt_says_which_and_ends_when_that_does(db: None) -> None:
    first = {"started_at": 1, "finished_at": 3, "samples": [[0.5, 10.0, None], [2.0, 20.0, None]]}
    job = job_of(first, status="queued", attempt=1)
    again = timeline(job, after(9)).lines
    assert again is not None
    assert again.title == "Percent over 2.0 s, Attempt 1"
    assert timeline(job, after(9)).strip.title == "Waited 1.0 s, ran 2.0 s, waiting for 6.0 s"
    still = job_of(first | {"finished_at": None}, status="running", attempt=1)
    stands = timeline(still, after(601)).lines
    assert stands is not None
    assert stands.title == "Percent over 10 min 00 s, 100%"
    assert "M0.83 90L3.33 80" in stands.svg, "to scale, with its standstill"
    assert timeline(still, after(601)).strip.title == "Waited 1.0 s, running for 10 min 00 s"


def test_a_part_without_room_for_its_name_has_its_attempt_s() -> None:
    parts = [Part("Reading the file", "phase", 1, short="Attempt 1"), Part("End", "phase", 3)]
    labels = [part.findtext("text") for part in drawn(strip("All", parts)).findall("svg")]
    assert labels == ["Attempt 1", "End"]
    labels = [part.findtext("text") for part in drawn(strip("All", parts[:1])).findall("svg")]
    assert labels == ["Reading the file"]
