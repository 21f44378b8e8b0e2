"""The whole log of an attempt is kept, within its bounds, however the attempt ended."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from headway.lifecycle import announce, janitor, lease, pruning, whole_log
from headway.lifecycle.log import log
from headway.lifecycle.traces import Traces
from headway.models import Attempt, Job, LogChunk, Status
from headway.stream import Reporter
from headway.stream.event import Line
from tests.jobs import rows
from tests.support.stack import Valkey


@pytest.fixture
def attempt(alice: User, valkey: Valkey) -> Iterator[Attempt]:
    """That runs, of a job of Alice's."""
    valkey.flush()
    job, attempt = rows.running(owner=alice)
    announce.state(job.pk)
    yield attempt
    log().forget(str(job.pk))


def lines(begin: int, end: int, text: str = "line") -> list[Line]:
    return [
        {"n": n, "t": 1_795_381_784_000 + n, "level": "info", "text": f"{text} {n}"}
        for n in range(begin, end)
    ]


def numbers(attempt: Attempt) -> list[int]:
    pieces = whole_log.read(attempt.job_id, attempt.number)
    return [line["n"] for piece in pieces for line in piece]


def settled(attempt: Attempt, count: int, stored: int = 0) -> None:
    """Ends it after so many lines, of which some were stored before."""
    if stored:
        assert lease.renew(attempt, Traces(unstored=lines(1, stored + 1)))
    rest = lines(stored + 1, count + 1)
    assert lease.settle(
        attempt, Status.SUCCEEDED, Traces(lines=lines(1, count + 1)[-200:], unstored=rest)
    )


def test_a_short_log_is_in_the_row_alone(attempt: Attempt) -> None:
    assert lease.settle(attempt, Status.SUCCEEDED, Traces(lines=lines(1, 4)))
    assert numbers(attempt) == [1, 2, 3]
    assert not LogChunk.objects.exists()


def test_a_long_log_is_whole_and_small(attempt: Attempt) -> None:
    settled(attempt, 7000, stored=2500)
    assert numbers(attempt) == [*range(1, 7001)]
    assert [chunk.last - chunk.first + 1 for chunk in attempt.chunks.all()] == [
        *(2000, 500, 2000, 2000, 500)
    ]
    assert sum(chunk.size for chunk in attempt.chunks.all()) < 7000 * 20


def test_what_runs_is_read_up_to_its_newest_line(attempt: Attempt) -> None:
    reporter = Reporter(log(), str(attempt.job_id), attempt.number)
    for number in range(300):
        reporter.log(number)
    assert lease.renew(attempt, Traces(**reporter.record.said(reporter.progress())))
    for number in range(50):
        reporter.log(number)
    reporter.stop()
    assert numbers(attempt) == [*range(1, 351)]


def test_of_an_attempt_that_was_killed_what_redis_had_is_stored(attempt: Attempt) -> None:
    """Some of it was stored before, and its last renewal knew less than Redis."""
    reporter = Reporter(log(), str(attempt.job_id), attempt.number)
    for number in range(700):
        reporter.log(number)
        if number == 299:
            assert lease.renew(attempt, Traces(**reporter.record.said(reporter.progress())))
    reporter.stop()
    rows.changed(attempt.job, lease_until=rows.ago(5))
    janitor.give_up_lost()
    attempt.refresh_from_db()
    assert attempt.status == "lost"
    assert [line["n"] for line in attempt.lines] == [*range(501, 701)]
    log().forget(str(attempt.job_id))
    assert numbers(attempt) == [*range(1, 701)]
    assert [(chunk.first, chunk.last) for chunk in attempt.chunks.all()] == [(1, 300), (301, 700)]


def test_lines_that_were_stored_twice_are_read_once(attempt: Attempt) -> None:
    whole_log.store(attempt, lines(1, 500))
    whole_log.store(attempt, lines(400, 700))
    settled(attempt, 800, stored=0)
    assert numbers(attempt) == [*range(1, 801)]


def test_of_a_log_over_its_limit_the_oldest_lines_are_given_up(
    attempt: Attempt, client: Client, alice: User
) -> None:
    with override_settings(HEADWAY={"LOG_MAX_BYTES": 20_000}):
        for begin in range(1, 20_000, 1000):
            whole_log.store(attempt, lines(begin, begin + 1000))
        assert sum(chunk.size for chunk in attempt.chunks.all()) <= 20_000
    found = numbers(attempt)
    assert found == [*range(found[0], 20_001)]
    client.force_login(alice)
    text = client.get(f"/jobs/{attempt.job_id}/log/").getvalue().decode()
    assert text.startswith(f"… {found[0] - 1:,} lines are not kept\n")
    with override_settings(HEADWAY={"LOG_MAX_BYTES": 0}):
        whole_log.store(attempt, lines(30_000, 31_000))
    assert numbers(attempt)[-1] == 20_000


def test_chunks_go_with_their_job(attempt: Attempt) -> None:
    settled(attempt, 1000)
    rows.changed(attempt.job, finished_at=rows.ago(86400 * 1000))
    pruning.prune()
    assert not LogChunk.objects.exists()
    assert not Job.objects.exists()


def test_the_whole_log_is_a_text_with_times_and_levels(
    attempt: Attempt, client: Client, alice: User
) -> None:
    settled(attempt, 5000)
    client.force_login(alice)
    answer = client.get(f"/jobs/{attempt.job_id}/log/")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="add-')
    content = answer.getvalue()
    text = content.decode().splitlines()
    assert len(text) == 5000
    assert text[0] == "2026-11-22T21:09:44.001Z INFO    line 1"
    assert datetime.fromisoformat(text[-1].split()[0])
    assert client.get(f"/jobs/{attempt.job_id}/log/?attempt=1").getvalue() == content
    for wrong in ("attempt=2", "attempt=0", "attempt=x", "before=-1"):
        assert client.get(f"/jobs/{attempt.job_id}/log/?{wrong}").status_code == 404


def test_earlier_lines_are_read_a_page_at_a_time(
    attempt: Attempt, client: Client, alice: User
) -> None:
    settled(attempt, 4500)
    client.force_login(alice)
    found: list[int] = []
    before, more = 4501, True
    while more:
        page = client.get(f"/jobs/{attempt.job_id}/log/?before={before}").json()
        found[:0] = [line["n"] for line in page["lines"]]
        before, more = found[0], page["more"]
    assert found == [*range(1, 4501)]
