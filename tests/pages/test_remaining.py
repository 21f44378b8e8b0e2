"""How long a job still takes: a range, in Python and in the browser the same."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from headway.models import Job, Status
from headway.web import runs
from headway.web.remaining import Range, between, remaining, usual
from headway.web.runs import FEWEST
from tests.pages.conftest import MakeJob


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (12, 40, "12 to 40 s"),
        (120, 300, "2 to 5 min"),
        (40, 180, "40 s to 3 min"),
        (82, 130, "1 to 2 min"),
        (82, 89, "82 to 89 s"),
        (70, 90, "1 to 2 min"),
        (40.2, 40.4, "about 40 s"),
        (0.4, 9, "up to 9 s"),
        (3900, 7500, "1 h 05 min to 2 h 05 min"),
        (2752, 4648, "46 min to 1 h 17 min"),
    ],
)
def test_a_range_in_words(low: float, high: float, text: str) -> None:
    assert between(low, high) == text


def test_an_estimate_narrows_and_silence_widens_it() -> None:
    early, late = (remaining(100, percent, 10, 0, None) for percent in (0, 90))
    assert early == Range(50, 150)
    assert late
    assert early
    assert early.low < late.low < 100 < late.high < early.high
    assert remaining(100, 0, 10, 13, None) == Range(40, 160)
    assert remaining(10, 0, 10, 500, None) == Range(0, 512)


def test_earlier_jobs_tell_before_the_first_percent_and_narrow_what_it_tells_later() -> None:
    usually = Range(30, 60)
    assert remaining(None, None, 10, 0, usually) == Range(20, 50)
    assert remaining(None, None, 40, 0, usually) == Range(0, 20)
    assert remaining(None, None, 70, 0, usually) is None
    assert remaining(40, 0, 10, 0, usually) == Range(20, 50)
    assert remaining(400, 0, 10, 0, usually) == Range(200, 600), "it is slower than any"
    assert remaining(56, 0, 4, 0, usually) == Range(28, 56), "it agrees, just"
    assert remaining(57, 0, 4, 0, usually) == Range(28.5, 85.5), "its own estimate is in its range"


def test_what_is_usual_is_between_the_quickest_and_the_slowest_tenth(
    alice: User, bob: User, make_job: MakeJob
) -> None:
    """Of the jobs that the viewer may see."""
    took = [1.0, *[20.0] * 4, 30.0, *[40.0] * 4, 900.0]
    for number, seconds in enumerate(took):
        job = make_job(Status.SUCCEEDED)
        begun = timezone.now() - timedelta(hours=1)
        ended = begun + timedelta(seconds=seconds)
        Job.objects.filter(pk=job.pk).update(started_at=begun, finished_at=ended)
        runs._usual.forget()
        assert (usual("simulate", alice) is None) == (number + 1 < FEWEST)
    assert usual("simulate", alice) == Range(20, 40)
    assert usual("simulate", bob) is usual("other", alice) is None


def test_the_page_says_it_before_the_first_percent(alices: Client, make_job: MakeJob) -> None:
    for _ in range(FEWEST):
        job = make_job(Status.SUCCEEDED)
        begun = timezone.now() - timedelta(hours=1)
        Job.objects.filter(pk=job.pk).update(
            started_at=begun, finished_at=begun + timedelta(seconds=600)
        )
    page = alices.get(make_job(percent=None).get_absolute_url()).content.decode()
    assert 'data-low="600" data-high="600">about 10 min</dd>' in page
