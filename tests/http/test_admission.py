"""Whoever asks for streams together gets the answers that each would get alone."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.signals import request_finished, request_started
from django.db import OperationalError, close_old_connections, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from headway.lifecycle.log import feed
from headway.models import ApiToken, Job, Status
from headway.policy import Policy
from headway.stream import admission as engine
from headway.web import admission, sessions, streams, tokens
from headway.web.admission import Handler
from tests.http.callers import Caller, World, bearer, cookie
from tests.support.patience import PATIENCE
from tests.support.users import make_user, session_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def in_one_group(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And in the test's own transaction, as with Django's test client."""
    monkeypatch.setattr(engine, "MAX_SECONDS", PATIENCE)
    monkeypatch.setattr(admission, "close_old_connections", lambda: None)
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


NEW = re.compile(r"(?<=id=)[^;]+:[^;]+|expires=[^;]+|(?<=eference)\W+[A-Z0-9]{8}|[A-Za-z0-9]{64}")
"""Sessions in cookies, times, by which name a log has an error, and tokens of forms."""


def told(response: Any, known: set[str]) -> tuple[int, str]:
    """All that a client would see of an answer, and on which grounds its stream goes on, but for
    what is new each time."""
    seen: list[object] = [sorted(response.items()), response.cookies.output()]
    if hasattr(response, "reader"):
        names = ("jobs", "cursor", "reason", "feed", "ends", "heartbeat", "waits", "holder")
        seen += [getattr(response.reader, name) for name in (*names, "lasts", "grant")]
    else:
        seen.append(response.content.decode())
    text = NEW.sub("...", "\n".join(map(repr, seen)))
    text = re.sub("[A-Za-z0-9]{32}", lambda key: key[0] if key[0] in known else "a new key", text)
    return response.status_code, text


PLAIN, ALONE, TOGETHER = "as Django asks the database", "one by one", "together"


def answers(callers: Iterable[Caller], way: str) -> list[Any]:
    """What they are told; nothing of it stays in the database."""
    handler = Handler()
    handler._knows_all &= way != PLAIN
    asked = [caller.asked() for caller in callers]
    known = set(Session.objects.values_list("pk", flat=True))
    with transaction.atomic():
        if way == TOGETHER:
            found = [*handler._admission._answer_all(asked)]
        else:
            found = [each for one in asked for each in handler._admission._answer_all([one])]
        seen: list[Any] = [told(response, known) for response in found]
        used = ApiToken.objects.filter(last_used_at__isnull=False)
        seen.append(set(used.values_list("pk", flat=True)))
        transaction.set_rollback(True)
    return seen


class Own(ModelBackend):
    """Looks for people in its own way."""

    def get_user(self, user_id: Any) -> Any:
        return User.objects.filter(pk=user_id).exclude(username="bob").first()


class Lenient(Policy):
    """Everybody sees all jobs."""

    def visible(self, jobs: Any, user: Any) -> Any:
        del user
        return jobs


class Broken(Policy):
    """Of which nothing can be learnt."""

    def may_browse(self, user: Any) -> bool:
        raise ValueError(user)


def passing(get_response: Any) -> Any:
    """A middleware of which nothing is known."""

    def answer(request: HttpRequest) -> HttpResponse:
        Session.objects.all().delete()  # such as nobody would write
        response: HttpResponse = get_response(request)
        return response

    return answer


MIDDLEWARE = [f"{__name__}.passing", *settings.MIDDLEWARE]
OTHERS = "django.contrib.sessions.backends."
WAYS: dict[str, dict[str, Any]] = {
    "a way of signing in of its own": {"AUTHENTICATION_BACKENDS": [f"{__name__}.Own"]},
    "two ways": {"AUTHENTICATION_BACKENDS": [f"{__name__}.Own", *settings.AUTHENTICATION_BACKENDS]},
    "sessions in the cache": {"SESSION_ENGINE": f"{OTHERS}cached_db"},
    "sessions in cookies": {"SESSION_ENGINE": f"{OTHERS}signed_cookies"},
    "sessions that are saved": {"SESSION_SAVE_EVERY_REQUEST": True},
    "all may see": {"HEADWAY": settings.HEADWAY | {"POLICY": f"{__name__}.Lenient"}},
    "a broken policy": {"HEADWAY": settings.HEADWAY | {"POLICY": f"{__name__}.Broken"}},
    "unknown middleware": {"MIDDLEWARE": MIDDLEWARE},
}


def assert_same(callers: dict[str, Caller]) -> list[Any]:
    names = [*callers, "the tokens that were used"]
    plain = answers(callers.values(), PLAIN)
    for way in (ALONE, TOGETHER):
        found = answers(callers.values(), way)
        assert dict(zip(names, found, strict=True)) == dict(zip(names, plain, strict=True)), way
    return plain


def test_the_answers_are_those_that_each_would_get_alone() -> None:
    with override_settings(SECRET_KEY_FALLBACKS=["the key of before"]):
        callers = World().callers
        *seen, used = assert_same(callers)
        assert {status for status, _ in seen} >= {200, 204, 400, 401, 403, 404, 405}
        assert used
        assert_same(dict(reversed(callers.items())))


@pytest.mark.parametrize("way", WAYS)
def test_so_it_is_where_not_everything_can_be_found_before(way: str) -> None:
    with override_settings(SECRET_KEY_FALLBACKS=["the key of before"]):
        world = World()
        path = world.callers["nobody"].path
        with override_settings(**WAYS[way]):
            some = {name: each for name, each in world.callers.items() if each.path == path}
            assert_same({name: each for name, each in some.items() if each.method == "GET"})


def test_each_kind_of_row_is_asked_for_once() -> None:
    people = [make_user(f"person{n}") for n in range(20)]
    jobs = [Job.objects.create(kind="simulate", title="x", owner=person) for person in people]
    held = [cookie(session_of(person)) for person in people[:10]]
    held += [bearer(tokens.issue(person)[1]) for person in people[10:]]
    callers = [Caller(f"/jobs/{job.pk}/events/", h) for job, h in zip(jobs, held, strict=True)]
    handler = Handler()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        found: Any = handler._admission._answer_all([caller.asked() for caller in callers])
    assert [response.status_code for response in found] == [200] * 20
    asked = [query["sql"] for query in queries if not query["sql"].startswith("PRAGMA")]
    # Sessions, users, tokens, their owners, jobs, and the note that tokens were used
    assert len(asked) == 6, asked
    assert ApiToken.objects.filter(last_used_at=None).count() == 0


def test_what_cannot_be_found_for_all_is_asked_for_by_each(
    monkeypatch: pytest.MonkeyPatch, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    job = Job.objects.create(kind="simulate", title="x", owner=alice)
    callers = [Caller(f"/jobs/{job.pk}/events/", cookie(session_of(alice))) for _ in range(2)]

    def away(keys: object) -> Any:
        raise OperationalError("the database is away")

    monkeypatch.setattr(sessions, "read_together", away)
    assert [seen[0] for seen in answers(callers, TOGETHER)[:-1]] == [200, 200]
    assert "one by one: the database is away" in caplog.text


def test_what_one_request_does_to_its_session_and_user_is_not_seen_by_others(alice: User) -> None:
    key = session_of(alice)
    callers: list[Any] = [Caller("/jobs/events/", cookie(key)).asked() for _ in range(3)]
    first, second, third = (caller.request for caller in callers)
    with Handler().together([first, second, third]):
        store = sessions.store()
        for request in (first, second, third):
            assert not hasattr(request, "session")
            request.session = store(key)
        first.session["seen"] = ["once"]
        assert "seen" not in second.session
        users = [request._cached_user for request in (first, second, third)]
        assert users == [alice] * 3
        assert len({id(user) for user in users}) == 3
        first.session.flush()
        assert first.session.load() == {}, "read again, it is read from the database"


def test_the_jobs_of_many_feeds_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    people = [make_user(f"person{n}") for n in range(3)]
    for person in people[:2]:
        for ended in (None, *(now - timedelta(minutes=m) for m in (0, 30, 90))):
            status = Status.SUCCEEDED if ended else Status.RUNNING
            Job.objects.create(kind="x", owner=person, status=status, finished_at=ended)
    numbers = [0, 17, 10**17, *(int((now.timestamp() - 60 * m) * 1e6) for m in (1, 35, 100))]
    wanted = [(feed(person.pk), number) for person in people for number in numbers]
    monkeypatch.setattr(streams, "close_old_connections", lambda: None)
    look_up = async_to_sync(streams._members)
    alone = {place: look_up([place])[place] for place in wanted}
    assert {len(jobs) for jobs in alone.values()} == {0, 1, 2, 3, 4}
    with CaptureQueriesContext(connection) as queries:
        assert look_up(wanted) == alone
    assert len(queries) == 1
    monkeypatch.setattr(streams, "MAX_FOLLOWED", 4)
    assert look_up(wanted) == alone
