"""The whole log of a job is read a page at a time, and looked through."""

import json
from http import HTTPStatus

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from headway.lifecycle import whole_log
from headway.models import Job, Status
from headway.stream.event import Line
from headway.web.log_pages import LAST, PAGE
from tests.pages.conftest import MakeJob

COUNT = 4500


def line(n: int) -> Line:
    level = "warning" if n % 1000 == 0 else "info"
    return {"n": n, "t": 1_700_000_000_000 + n, "level": level, "text": f"<line> {n}"}


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    """With lines 1 to 4500, of which the row has the last ones."""
    job = make_job(Status.SUCCEEDED)
    attempt = job.attempts.get()
    whole_log.store(attempt, [line(n) for n in range(1, COUNT - 99)])
    job.attempts.update(lines=[line(n) for n in range(COUNT - 199, COUNT + 1)])
    return job


def asked(client: Client, job: Job, query: str) -> tuple[list[int], int | None]:
    answer = json.loads(client.get(f"/jobs/{job.pk}/log/?{query}").content)
    assert answer["more"] == (answer["before"] is not None)
    return [each["n"] for each in answer["lines"]], answer["before"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("before=201", range(1, 201)),
        ("after=200&before=401", range(201, 401)),
        ("after=1900&before=2101", range(1901, 2101)),
        ("after=4300&before=4501", range(4301, 4501)),
        ("after=4490", range(4491, 4501)),
        ("after=5000", range(0)),
        ("before=4000", range(4000 - PAGE, 4000)),
        ("after=1", range(2, 2 + PAGE)),
    ],
)
def test_lines_between_two_numbers(alices: Client, job: Job, query: str, numbers: range) -> None:
    assert asked(alices, job, query)[0] == [*numbers]


def test_no_more_is_read_than_a_page_has(alices: Client, job: Job) -> None:
    whole_log.store(job.attempts.get(), [line(n) for n in range(COUNT, COUNT + 20_000)])
    alices.get("/")
    with CaptureQueriesContext(connection) as asked_for:
        assert len(asked(alices, job, "after=1")[0]) == PAGE
    assert sum('"data"' in each["sql"] for each in asked_for) == 1


def test_a_search_finds_in_the_whole_log_the_last_ones_first(alices: Client, job: Job) -> None:
    assert asked(alices, job, "find=LINE%3E 7")[0][:3] == [7, 70, 71]
    assert asked(alices, job, "level=warning")[0] == [1000, 2000, 3000, 4000]
    assert asked(alices, job, "level=warning&find=3")[0] == [3000]
    assert asked(alices, job, "find=nothing") == ([], None)
    found, before = asked(alices, job, "find=line")
    assert found == [*range(COUNT - PAGE + 1, COUNT + 1)]
    assert asked(alices, job, f"find=line&before={before}")[0][-1] == COUNT - PAGE


@pytest.mark.parametrize("query", ["before=0", "after=x", "before=1e3", "find=a&attempt=9"])
def test_what_is_no_number_is_not_found(alices: Client, job: Job, query: str) -> None:
    answer = alices.get(f"/jobs/{job.pk}/log/?{query}")
    assert answer.status_code == HTTPStatus.NOT_FOUND


def test_nobody_else_looks_through_it(bobs: Client, job: Job) -> None:
    assert bobs.get(f"/jobs/{job.pk}/log/?find=line").status_code == HTTPStatus.NOT_FOUND


def test_without_a_script_the_page_has_all_of_it_too(alices: Client, job: Job) -> None:
    url = job.get_absolute_url()
    page = alices.get(url).content.decode()
    assert f'<li class="info" id="line-{COUNT}">' in page
    assert page.count(' id="line-') == LAST
    assert f"before={COUNT - LAST + 1}#log" in page
    earlier = alices.get(f"{url}?before={COUNT - LAST + 1}").content.decode()
    assert f'id="line-{COUNT - LAST}"' in earlier
    assert f'id="line-{COUNT - LAST + 1}"' not in earlier
    found = alices.get(f"{url}?find=4444&level=").content.decode()
    assert found.count(' id="line-') == 1
    assert "&lt;line&gt; 4444" in found
    warned = alices.get(f"{url}?level=warning").content.decode()
    assert warned.count(' id="line-') == 4
    assert "No such line" in alices.get(f"{url}?find=%25").content.decode()
    for odd in ("x", "0", "-1", "9" * 40, "٣"):
        assert f'id="line-{COUNT}"' in alices.get(url, {"before": odd}).content.decode()
