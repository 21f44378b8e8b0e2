"""The template tags: bars for other people's pages, and how values are written."""

from uuid import uuid4

import pytest
from django.template import Context, Template

from headway.models import Status
from headway.web import formatting
from tests.pages.conftest import MakeJob


def render(source: str, **context: object) -> str:
    return Template("{% load headway %}" + source).render(Context(context))


def test_a_bar_can_stand_on_any_page(make_job: MakeJob) -> None:
    job = make_job(Status.RUNNING)
    for given in (job, job.pk, str(job.pk)):
        html = render("{% job_bar job %}", job=given, user=job.owner)
        assert f'data-job="{job.pk}"' in html
        assert 'role="progressbar"' in html
        assert f'hx-get="/jobs/{job.pk}/row/?view=bar"' in html


def test_the_head_brings_style_htmx_and_our_script() -> None:
    html = render("{% headway_head %}")
    for name in ("bar.css", "htmx.min.js", "live/page.js", "allowEval", "/jobs/events/"):
        assert name in html


def test_a_bar_of_a_job_that_never_was_is_nothing(db: None) -> None:
    del db
    for given in (uuid4(), None, ""):  # a foreign key is None once its job was pruned
        assert render("{% job_bar job %}", job=given).strip() == ""
    assert render("{% job_bar order.job %}").strip() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (-1, "0 s"), (0, "0 s"), (59.9, "59 s"), (65, "1 min 05 s"), (7620, "2 h 07 min")],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(
    ("eta", "text"),
    [(None, ""), (42, "about 42 s"), (61, "about 2 min"), (3600, "about 1 h 00 min")],
)
def test_times_that_remain(eta: float | None, text: str) -> None:
    assert formatting.remaining(eta) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.2, "12/min"), (1.25, "1.2/s"), (12345.6, "12,346/s")]
)
def test_rates(value: float | None, text: str) -> None:
    assert formatting.rate(value) == text


def test_amounts_have_the_unit_of_their_kind() -> None:
    assert formatting.count({"current": 512.3, "total": 512.3, "unit": "kB"}) == "512 of 512 kB"
    assert formatting.count({"current": 7, "unit": "rows"}) == "7 rows"
    assert formatting.count({"current": 7, "total": 9}) == "7 of 9"
    assert (
        formatting.count({"current": 0.0321, "total": 0.0321, "unit": "kB"}) == "0.032 of 0.032 kB"
    )
    assert formatting.count({"current": 0, "total": 0.5, "unit": "kB"}) == "0 of 0.5 kB"
    assert formatting.count({"current": 1e-9, "total": 0.999}) == "0 of 1"
    assert formatting.count({"unit": "kB"}) == formatting.rate(None, "kB") == ""
    assert (formatting.rate(1234, "kB"), formatting.rate(0.2, "rows")) == (
        "1.2 MB/s",
        "12 rows/min",
    )


def test_bytes_are_written_in_the_unit_in_which_they_are_read() -> None:
    much = {"current": 34_030_000, "total": 41_000_000, "unit": "kB"}
    assert formatting.count(much) == "34 of 41 GB"
    assert formatting.count(much | {"current": 250_000}) == "0.25 of 41 GB"
    assert formatting.count(much | {"unit": "rows"}) == "34,030,000 of 41,000,000 rows"
    assert formatting.count({"current": 999, "unit": "kB"}) == "999 kB"
    assert formatting.count({"current": 2e8, "unit": "TB"}) == "200,000,000 TB"
    assert (formatting.rate(1234, "bytes"), formatting.rate(0.5, "MB")) == (
        "1.2 kB/s",
        "30 MB/min",
    )


def test_the_page_of_a_kind_that_says_what_it_counts_tells_it(make_job: MakeJob) -> None:
    job = make_job(Status.SUCCEEDED, kind="import-csv", current=512, total=512)
    html = render("{% job_bar job %}", job=job, user=job.owner)
    assert 'data-unit="kB"' in html
    gone = make_job(Status.SUCCEEDED, kind="gone")
    assert 'data-unit=""' in render("{% job_bar job %}", job=gone, user=gone.owner)


@pytest.mark.parametrize(
    ("percent", "text"), [(None, ""), (0.0, "0%"), (42.97, "42%"), (99.9, "99%"), (100, "100%")]
)
def test_percents_are_whole_ones_reached(percent: float | None, text: str) -> None:
    assert formatting.percent({"percent": percent}) == text
