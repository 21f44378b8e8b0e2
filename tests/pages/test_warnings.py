"""Warnings by their reason, however many, and all of them as CSV."""

from http import HTTPStatus

from django.test import Client

from headway.lifecycle import whole_log
from headway.models import Status
from headway.web.warning_groups import EXAMPLES, MAX_GROUPS, grouped
from tests.pages.conftest import MakeJob


def test_reasons_that_differ_in_numbers_and_quotes_are_one() -> None:
    told = [{"item": f"line {n}", "reason": f"amount: 'a{n}' is no number"} for n in range(7)]
    told += [{"item": "line 9", "reason": "has no name"}]
    [first, second], others = grouped(told)
    assert (first.reason, first.count, first.share) == ("amount: … is no number", 7, 87.5)
    assert first.examples[0] == "line 0: amount: 'a0' is no number"
    assert len(first.examples) == EXAMPLES
    assert (second.reason, second.examples, others) == ("has no name", ["line 9"], 0)


def test_groups_are_few() -> None:
    told = [{"item": "x", "reason": chr(97 + n) * 20} for n in range(26)]
    groups, others = grouped(told)
    assert (len(groups), others) == (MAX_GROUPS, 26 - MAX_GROUPS)


def test_all_are_downloaded_and_no_spreadsheet_runs_them(
    alices: Client, bobs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.SUCCEEDED, warning_count=2)
    texts = ["=cmd|x", "row 7: no name"]
    lines = [
        {"n": n, "t": 1_700_000_000_000, "level": level, "text": text}
        for n, (level, text) in enumerate([("info", "fine"), *(("warning", t) for t in texts)], 1)
    ]
    attempt = job.attempts.get()
    whole_log.store(attempt, lines)  # type: ignore[arg-type]  # plain dicts of what a Line holds
    job.attempts.update(warnings=[{"item": "row 7", "reason": "no name"}])
    assert f"/jobs/{job.pk}/warnings.csv" in alices.get(job.get_absolute_url()).content.decode()
    answer = alices.get(f"/jobs/{job.pk}/warnings.csv")
    assert answer.getvalue().decode("utf-8-sig").splitlines() == [
        "line,time,warning",
        "2,2023-11-14T22:13:20.000Z,'=cmd|x",
        "3,2023-11-14T22:13:20.000Z,row 7: no name",
    ]
    assert bobs.get(f"/jobs/{job.pk}/warnings.csv").status_code == HTTPStatus.NOT_FOUND
    assert alices.get(f"/jobs/{job.pk}/warnings.csv?attempt=9").status_code == HTTPStatus.NOT_FOUND
