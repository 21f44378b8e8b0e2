"""One run: use, faults, healing, verdict."""

import logging
import random
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User as Owner
from django.core.management import call_command
from django.db import connection, connections

from headway.models import Job
from headway.web import tokens
from tests.nemesis import verdict
from tests.nemesis.browser import Browser, is_here
from tests.nemesis.faults import inflict
from tests.nemesis.people import Script, User
from tests.nemesis.site import Site
from tests.nemesis.tasks import ledger_file
from tests.support.postgresql import PostgreSQL
from tests.support.processes import wait_until
from tests.support.sentinels import Watched
from tests.support.servers import Uvicorn
from tests.support.stack import Web
from tests.support.users import make_user, session_of
from tests.support.viewer import Record, Viewer

USERS = 2
SERVERS = {"daphne": Web, "uvicorn": Uvicorn}


def run(
    seed: int,
    seconds: float,
    program: str,
    web: str,
    database: PostgreSQL | None,
    only: Collection[str] = (),
    watched: Watched | None = None,
) -> int:
    """Prints what happened; the exit code."""
    logging.disable(logging.WARNING)  # clients tell of every fault that they survive
    redis = "Redis watched by Sentinels" if watched else program
    say(f"seed {seed}, {seconds:.0f} s, {redis}, {web}, {connection.vendor}")
    call_command("migrate", verbosity=0)
    site = Site(program, SERVERS[web], database, only, watched)
    try:
        site.start()
        return _run(site, seed, seconds)
    finally:
        site.stop()


def _run(site: Site, seed: int, seconds: float) -> int:
    users = [user_of(site, number, seed) for number in range(USERS)]
    feeds = [(user, feed(site, user, lazy)) for user in users for lazy in (0.0, 2.0)]
    scripts = [Script(site.to_web.url, user.person.token) for user in users]
    # Who comes when a job has ended is not told of it; pages take long on a busy machine
    for _, viewer in feeds:
        viewer.start()
    wait_until(lambda: all(viewer.record.connections for _, viewer in feeds))
    with pages(site, users) as browser:
        for thread in (*users, *scripts):
            thread.start()
        time.sleep(2)
        base = verdict.measure(site)
        suffer(site, browser, random.Random(seed), seconds)
        site.start()
        for user in users:
            user.stop()
        connections.close_all()  # the database may have been restarted
        found = list(judge(site, users, feeds, scripts, browser, base))
    report(site, users, feeds, found)
    return 1 if found else 0


@contextmanager
def pages(site: Site, users: list[User]) -> Iterator[Browser | None]:
    """Each user's list, and the page of one job, with the first of them in two tabs."""
    if not is_here():
        say("no pages: there is no Chromium")
        for user in users:
            user.begin_watched()
        yield None
        return
    browser = Browser(site.to_web.url)
    try:
        for owner, user in zip(Owner.objects.order_by("pk"), users, strict=True):
            session, name, job = session_of(owner), owner.get_username(), user.begin_watched()
            browser.open(name, session, "/")
            for _ in range(2 if user is users[0] else 1):
                browser.open(name, session, f"/jobs/{job}/", job)
        say(f"pages: {len(browser.tabs)}, in Chromium")
        yield browser
    finally:
        browser.close()


def suffer(site: Site, browser: Browser | None, chance: random.Random, seconds: float) -> None:
    """One fault after the other."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        say(f"  {inflict(site, chance)}")
        time.sleep(chance.uniform(1, 5))
        site.notice()
        site.start()
        if browser:
            browser.retry()


def judge(
    site: Site,
    users: list[User],
    feeds: list[tuple[User, Viewer]],
    scripts: list[Script],
    browser: Browser | None,
    base: dict[str, float],
) -> Iterator[str]:
    """All that was violated."""
    viewers = [viewer for _, viewer in feeds] + [v for user in users for v in user.viewers]
    for viewer in viewers:
        viewer.lazy = 0.0
    yield from site.accidents
    yield from verdict.every_job_ended(users)
    yield from verdict.everybody_knows(feeds, scripts)
    if browser:
        yield from verdict.pages_show_it(browser)
    yield from verdict.streams_ended(users)
    yield from verdict.no_two_attempts_lived_at_once(ledger_file())
    yield from verdict.every_row_was_imported_once()
    yield from verdict.jobs_outlived_the_database()
    records = [viewer.stop() for viewer in viewers]
    yield from verdict.streams_had_no_gap(records)
    yield from verdict.it_came_back(site, records)
    yield from verdict.nobody_saw_another_s_jobs(users, feeds)
    yield from verdict.answers_came_in_time(users, site)
    yield from verdict.nothing_leaked(site, base)


def report(
    site: Site,
    users: list[User],
    feeds: list[tuple[User, Viewer]],
    found: list[str],
) -> None:
    """The figures, and the verdict."""
    records = [v.record for _, v in feeds] + [v.record for user in users for v in user.viewers]
    ends = Counter(Job.objects.values_list("status", flat=True))
    kinds = Counter(message.event for record in records for message in record.messages)
    suffered = Counter(name for *_, name in site.suffered)
    say(f"faults: {sum(suffered.values())} of {len(suffered)} kinds, {dict(suffered)}")
    say(f"jobs: {sum(ends.values())}, {dict(ends)}")
    say(f"kills: {site.kills}")
    say(f"viewers: {len(records)}, reconnects: {sum(max(0, r.connections - 1) for r in records)}")
    say(f"frames: {sum(kinds.values())}, {dict(kinds)}")
    say(f"longest silence: {max(record.silence for record in records):.1f} s")
    if site.failovers:
        say(f"bars moved again after {len(site.failovers)} failovers: {seconds_of(site, records)}")
    asked = [each for user in users for each in user.asked]
    for what, begun, ended, status in sorted(asked, key=lambda each: each[1] - each[2])[:3]:
        during = site.suffering(begun, ended)
        say(f"slow answer: {ended - begun:.1f} s, {status} to {what}, while {during}")
    say(f"connections to Redis: {verdict.connections(site)}")
    for sentence in found:
        say(sentence)
    say(f"violations: {len(found)}")


def seconds_of(site: Site, records: list[Record]) -> str:
    """How long each took."""
    return ", ".join(f"{seconds:.1f}" for seconds in verdict.returns(site, records)) + " s"


def user_of(site: Site, number: int, seed: int) -> User:
    """A user of the installation, with a token."""
    owner = make_user(f"user{number}")
    return User(site, tokens.issue(owner)[1], seed + number)


def feed(site: Site, user: User, lazy: float) -> Viewer:
    """A viewer of all jobs of a user."""
    url = f"{site.to_web.url}/jobs/events/"
    return Viewer(url, user.person.token, patience=20, lazy=lazy)


def say(line: str) -> None:
    """To the terminal, at once."""
    print(line, flush=True)  # noqa: T201 - this is what it is for
