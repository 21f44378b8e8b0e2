"""What one may ask the list of jobs, and who."""

import random
import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from headway.models import Attempt, Job, SavedQuestion, Status
from headway.policy import Policy
from headway.web import counting, history, listing, time_limit
from headway.web.history import answer
from headway.web.keyset import Cursor, Key
from headway.web.questions import Question
from tests.pages.conftest import MakeJob


class ForgetsPeople(Policy):
    """Cannot say who may browse."""

    def may_browse(self, user: Any) -> bool:
        del user
        raise RuntimeError("the directory does not answer")

    def visible(self, jobs: Any, user: Any) -> Any:
        del user
        return jobs


def found(client: Client, **question: str) -> set[Any]:
    page = client.get(f"/?{urlencode(question)}")
    assert page.status_code == HTTPStatus.OK
    return {item.job.pk for item in page.context["items"]}


def many(owner: User, number: int, **fields: Any) -> list[Job]:
    """Jobs of states and times by chance, some of them at the same time."""
    chance, now = random.Random(number), timezone.now()
    jobs = [
        Job(kind="simulate", title="Simulate", owner=owner, status=chance.choice(list(Status)))
        for _ in range(number)
    ]
    Job.objects.bulk_create(jobs)
    for job in jobs:
        job.created_at = now - timedelta(minutes=chance.randrange(number // 3))
        job.started_at = job.created_at + timedelta(seconds=chance.randrange(9))
        job.finished_at = job.started_at + timedelta(seconds=chance.randrange(9))
        for name, value in fields.items():
            setattr(job, name, value)
    Job.objects.bulk_update(jobs, [*{"created_at", "started_at", "finished_at", *fields}])
    return jobs


@pytest.mark.parametrize("query", ["", "status=bad", "status=active", "text=sim", "kind=simulate"])
@pytest.mark.parametrize("sort", ["", "longest", "slowest"])
def test_pages_repeat_and_miss_nothing_while_jobs_come(
    alice: User, monkeypatch: pytest.MonkeyPatch, query: str, sort: str
) -> None:
    """In the order that is asked for, also where a search looks through few rows at a time."""
    monkeypatch.setattr(history, "SCAN", 1000 if sort else 23)
    many(alice, 90)
    question, _ = Question.read({**dict([query.split("=")] if query else []), "sort": sort})
    matching = [job for job in Job.objects.all() if job.status in question.statuses]
    told: list[Any] = []
    cursor: Cursor | None = None
    while True:
        page = answer(question, alice, cursor)
        told += [*page.active, *page.ended] if not told or page.ended else []
        if page.after is None:
            break
        assert Cursor.read(str(page.after)) == page.after
        cursor = page.after
        many(alice, 3, created_at=timezone.now() + timedelta(hours=1))
    assert len(told) == len(set(told))
    if sort:
        matching = [job for job in matching if not job.is_active]
    elif not query or query.startswith("kind"):
        matching = [job for job in matching if not job.is_active or job.pk in told[:10]]
    assert set(told) == {job.pk for job in matching}
    known = {job.pk: job for job in matching}
    waited = [(known[pk].started_at or known[pk].created_at) - known[pk].created_at for pk in told]
    if sort == "slowest":
        assert waited == sorted(waited, reverse=True)


def test_a_retried_job_waited_for_its_first_attempt(alice: User, make_job: MakeJob) -> None:
    now = timezone.now()
    retried = make_job(Status.FAILED, attempt=2, started_at=now + timedelta(hours=1))
    slow = make_job(Status.FAILED, started_at=now + timedelta(minutes=5))
    Attempt.objects.filter(job=slow).update(started_at=now + timedelta(minutes=5))
    assert answer(Question(sort="slowest"), alice).ended == [slow.pk, retried.pk]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("title", "Orders 100%_off", "100%_OFF"),
        ("message", 'it\'s \\ "quoted"', "'s \\ \"q"),
        ("reason", "The disk is full.", "disk"),
        ("params", {"path": 'C:\\tmp "x"'}, '\\tmp "x'),
        ("params", {"city": "Köln 😀"}, "Köln 😀"),
    ],
)
def test_a_search_takes_every_sign_for_itself(
    alices: Client, make_job: MakeJob, field: str, value: Any, text: str
) -> None:
    wanted = make_job(Status.FAILED, **{field: value})
    make_job(Status.FAILED, **{field: {"a": "b"} if field == "params" else "Orders 100 off"})
    assert found(alices, text=text) == {wanted.pk}
    assert found(alices, text="%") <= {wanted.pk}
    assert found(alices, text="'; DROP TABLE x") == set()


def test_a_search_that_looks_through_a_part_says_so_and_goes_on(
    alices: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SCAN", 2)
    oldest = make_job(Status.FAILED, title="Old")
    for _ in range(3):
        make_job(Status.SUCCEEDED)
    page = alices.get("/?text=old")
    assert "Looked through" in page.content.decode()
    assert page.context["items"] == []
    after = str(page.context["answer"].after)
    assert "Look further back" in page.content.decode()
    assert found(alices, text="old", after=after) == {oldest.pk}


def test_days_are_those_of_the_viewer(alices: Client, make_job: MakeJob) -> None:
    job = make_job(Status.FAILED)
    late = timezone.now().replace(2026, 3, 5, 23, 30)
    Job.objects.filter(pk=job.pk).update(created_at=late)
    assert found(alices, since="2026-03-05", until="2026-03-05") == {job.pk}
    alices.cookies["time_zone"] = "Asia/Tokyo"
    assert found(alices, since="2026-03-05", until="2026-03-05") == set()
    assert found(alices, since="2026-03-06") == {job.pk}


@pytest.mark.parametrize(
    "wrong",
    [
        {"since": "yesterday"},
        {"until": "9999-12-31"},
        {"since": "2026-02-30"},
        {"sort": "size"},
        {"status": "<b>"},
        {"after": "9" * 17 + "." + "0" * 32},
    ],
)
def test_what_cannot_be_asked_is_left_out_and_told(
    alices: Client, make_job: MakeJob, wrong: dict[str, str]
) -> None:
    job = make_job(Status.FAILED, title="Here")
    page = alices.get("/?" + urlencode({"text": "here\0", **wrong}))
    assert [item.job.pk for item in page.context["items"]] == [job.pk]
    assert bool(page.context["wrong"]) is ("after" not in wrong)
    assert "<b>" not in page.content.decode()


def test_timed_out_is_told_apart(alices: Client, make_job: MakeJob) -> None:
    late = make_job(Status.FAILED, reason="Took longer than 5 s")
    make_job(Status.FAILED, reason="It took longer than planned")
    assert found(alices, status="timed-out") == {late.pk}
    numbers = {label: number for _, label, number, _ in alices.get("/").context["statuses"]}
    assert numbers["Timed out"] == "1"
    assert numbers["Failed"] == "2"


def test_counts_end_at_a_thousand(
    alices: Client, alice: User, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST", 3)
    for _ in range(5):
        make_job(Status.FAILED)
    assert counting.counts({1: Job.objects.none(), 2: Job.objects.filter(owner=alice)}) == {
        1: 0,
        2: 4,
    }
    numbers = {label: number for _, label, number, _ in alices.get("/").context["statuses"]}
    assert numbers["Failed"] == "3+"
    kinds = dict(item[:2] for item in alices.get("/?kind=simulate").context["kinds"])
    assert kinds["simulate"] == "Simulate (3+)"


def test_only_those_who_may_browse_ask_about_others(
    alices: Client, bobs: Client, staffs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED)
    for person in ("alice", "*"):
        assert found(staffs, person=person) == {job.pk}
        assert found(bobs, person=person) == set()
        assert "You may see only your own jobs" in bobs.get(f"/?person={person}").content.decode()
    assert 'class="owner">alice' in staffs.get("/?person=*").content.decode()
    assert "data-mine" not in staffs.get("/?person=*").content.decode()
    assert found(staffs) == set()
    assert found(staffs, person="nobody") == set()
    assert 'name="person"' not in alices.get("/").content.decode()


def test_a_policy_that_cannot_be_asked_lets_nobody_ask_about_others(
    bobs: Client, make_job: MakeJob, settings: Any
) -> None:
    settings.HEADWAY = {**settings.HEADWAY, "POLICY": f"{__name__}.ForgetsPeople"}
    make_job(Status.FAILED)
    assert found(bobs, person="alice") == set()


def test_a_question_is_saved_opened_and_deleted(
    alices: Client, bobs: Client, make_job: MakeJob
) -> None:
    job = make_job(Status.FAILED, kind="gone-kind", title="Old kind")
    make_job(Status.FAILED)
    query = "kind=gone-kind&status=bad&after=1&x=2"
    saved = alices.post("/jobs/questions/", {"name": " Old ones ", "query": query})
    assert saved["Location"] == "/?status=bad&kind=gone-kind"
    page = alices.get(saved["Location"])
    assert [item.job.pk for item in page.context["items"]] == [job.pk]
    assert "gone-kind (no longer installed)" in page.content.decode()
    assert "Old ones" in page.content.decode()
    assert "Old ones" not in bobs.get("/").content.decode()
    alices.post("/jobs/questions/", {"name": "Old ones", "query": "status=lost"})
    question = SavedQuestion.objects.get()
    assert question.query == "status=lost"
    address = f"/jobs/questions/{question.pk}/delete/"
    assert bobs.post(address).status_code == HTTPStatus.NOT_FOUND
    assert alices.post(f"/jobs/questions/{2**63}/delete/").status_code == HTTPStatus.NOT_FOUND
    assert alices.post(address).status_code == HTTPStatus.SEE_OTHER
    assert not SavedQuestion.objects.exists()


def test_a_question_without_a_name_and_one_too_many_are_refused(alices: Client) -> None:
    assert alices.post("/jobs/questions/", {"name": " "}).status_code == HTTPStatus.BAD_REQUEST
    for number in range(50):
        alices.post("/jobs/questions/", {"name": str(number)})
    refused = alices.post("/jobs/questions/", {"name": "one more"})
    assert refused.status_code == HTTPStatus.CONFLICT


def test_a_question_that_takes_too_long_says_so_and_stays(
    alices: Client, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_job(Status.FAILED)

    def slow(*_: Any) -> Any:
        counted = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)"
            " SELECT COUNT(*) FROM n"
        )
        with connections["default"].cursor() as cursor:
            cursor.execute(counted)

    monkeypatch.setattr(listing, "answer", slow)
    monkeypatch.setattr(listing, "limited", lambda: time_limit.limited(0.05))
    page = alices.get("/?text=disk&status=bad")
    assert page.status_code == HTTPStatus.OK
    content = page.content.decode()
    assert "This took the database longer than" in content
    assert 'value="disk"' in content
    assert "data-list" not in content
    assert '<details id="more-filters" class="menu" open>' in content
    monkeypatch.undo()
    assert len(found(alices, status="failed")) == 1


def test_a_cursor_is_read_as_it_is_written() -> None:
    keys = [Key(5, uuid.uuid4()), Key(-7, uuid.uuid4())]
    for cursor in (Cursor(keys[0]), Cursor(keys[1], keys[0])):
        assert Cursor.read(str(cursor)) == cursor
