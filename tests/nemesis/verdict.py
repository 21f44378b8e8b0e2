"""What must hold when all is over: the invariants, each as sentences about what broke it."""

import math
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from django.contrib.auth.models import AnonymousUser

from headway.models import TERMINAL, Attempt, Job
from headway.users import named
from headway.web.history import answer
from headway.web.questions import Question
from jobs.models import ImportedRow
from tests.nemesis.browser import Browser, Tab
from tests.nemesis.people import CSV, Script, User
from tests.nemesis.site import Site, files_of
from tests.support.oracles import numbers, overlaps, violations
from tests.support.processes import wait_until
from tests.support.viewer import Record, Viewer, statuses

SETTLED = 60.0
"""Seconds after healing in which every job must have ended."""
CAUGHT_UP = 10.0
"""Seconds after that in which every viewer must know it: five, and a round of the janitor, which
tells what Redis did not take."""
ANSWERED = 4.0
"""Seconds in which every request must be answered: three, and one for a busy machine."""
SILENCE = 15.0
BACK = 15.0
"""Seconds after which bars move again when Sentinels have chosen another primary."""
ZOMBIE = 3.0
"""Seconds that a process that was stopped for longer than its lease may go on before it notices."""

CLICKS = 2 * 2
"""Starts that two users make at once."""
CONNECTIONS = {
    # The hub's two. Each start writes to the log and to the queue, and one that was given up goes
    # on beside its repetition. Two browsers fetch six rows at once each.
    "web": 2 + 2 * 2 * CLICKS + 2 * 6,
    # Celery's three channels, each of which listens and speaks; the log's two pools (Script has
    # one of its own) for the two threads that use them, and the same in each of two children.
    "worker": 3 * 2 + 2 * 2 + 2 * (2 * 2),
    # The log's two pools for those who sweep, show life and publish, and the queue's channel.
    "janitor": 2 * 3 + 2,
}
"""To Redis, at most: pools keep as many as were ever in use at once."""


def every_job_ended(users: list[User]) -> Iterator[str]:
    """I1: each job that was accepted is there, once, and has ended."""
    try:
        wait_until(lambda: not Job.objects.exclude(status__in=TERMINAL).exists(), SETTLED, 0.2)
    except AssertionError:
        for row in Job.objects.exclude(status__in=TERMINAL):
            yield f"I1: job {row.pk} is {row.status}, attempt {row.attempt}: {row.reason}"
    stored = {str(pk) for pk in Job.objects.values_list("pk", flat=True)}
    for user in users:
        for job in set(user.accepted) - stored:
            yield f"I1: job {job} was accepted and is not there"


def no_two_attempts_lived_at_once(ledger: Path) -> Iterator[str]:
    """I2: by the lines that jobs wrote themselves, and by the history."""
    runs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for line in ledger.read_text().splitlines() if ledger.exists() else []:
        job, run, moment = line.split()
        runs[job][run].append(float(moment))
    for job, found in runs.items():
        times = sorted((min(each), max(each) - ZOMBIE) for each in found.values())
        lived = [(number, begun, end) for number, (begun, end) in enumerate(times, 1)]
        yield from (f"I2: job {job}: run {sentence}" for sentence in overlaps(lived))
    attempts: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for attempt in Attempt.objects.exclude(finished_at=None):
        begun, end = attempt.started_at, attempt.finished_at
        assert begun is not None
        assert end is not None
        row = (attempt.number, begun.timestamp(), end.timestamp())
        attempts[str(attempt.job_id)].append(row)
    for job, rows in attempts.items():
        yield from (f"I2: job {job}: {sentence}" for sentence in overlaps(rows))


def every_row_was_imported_once() -> Iterator[str]:
    """I2 for what jobs store."""
    rows = CSV.count(b"\n") - 1
    for job in Job.objects.filter(kind="import-csv", status="succeeded"):
        stored = ImportedRow.objects.filter(job=job).count()
        if stored != rows:
            yield f"I2: job {job.pk} stored {stored} rows of {rows}"


def jobs_outlived_the_database() -> Iterator[str]:
    """I1 for jobs that have a checkpoint: they fail for nothing that happens to the database, and
    have stored each row once; and nobody was told what only its administrator should read."""
    for job in Job.objects.filter(kind="writer", status__in=("succeeded", "failed")):
        lines = sorted(job.rows.values_list("line", flat=True))
        if job.status == "failed":
            yield f"I1: job {job.pk} failed, in attempt {job.attempt}: {job.reason}"
        elif lines != [*range(1, 61)]:
            yield f"I2: job {job.pk} stored {len(lines)} rows of 60"
    for job in Job.objects.filter(reason__contains="OperationalError"):
        yield f"I7: job {job.pk} tells of the inside: {job.reason}"


def _in_time(wrong: Callable[[], list[str]]) -> Iterator[str]:
    """What is still wrong after CAUGHT_UP, and whether it stays so: late on a machine that does too
    much else is another fault than never."""
    try:
        wait_until(lambda: not wrong(), CAUGHT_UP, 0.2)
    except AssertionError:
        found, begun = wrong(), time.monotonic()
        with suppress(AssertionError):
            wait_until(lambda: not wrong(), SETTLED, 0.2)
        late = f", right {time.monotonic() - begun:.1f} s late" if not wrong() else ", for good"
        yield from (f"{sentence}{late}" for sentence in found)


def everybody_knows(feeds: list[tuple[User, Viewer]], scripts: list[Script]) -> Iterator[str]:
    """I3: what viewers were told last is what the database holds."""
    rows = {str(pk): status for pk, status in Job.objects.values_list("pk", "status")}

    def behind() -> list[str]:
        told = [("a feed", statuses(viewer.record)) for _, viewer in feeds]
        told += [("a script", script.statuses) for script in scripts]
        wrong = [
            f"I3: {who} has job {job} as {seen}, it is {rows.get(job)}"
            for who, known in told
            for job, seen in dict(known).items()
            if rows.get(job) != seen
        ]
        return wrong + [
            f"I3: a feed was never told of job {job}"
            for user, viewer in feeds
            for job in set(user.accepted) - set(statuses(viewer.record))
        ]

    yield from _in_time(behind)
    yield from (f"I3: a script gave up: {script.problem}" for script in scripts if script.problem)


def pages_show_it(browser: Browser) -> Iterator[str]:
    """I3, I4 and I7 for what people see, and no script of theirs has thrown anything."""
    rows = {
        str(pk): (owner, (status, attempt))
        for pk, owner, status, attempt in Job.objects.values_list(
            "pk", "owner__username", "status", "attempt"
        )
    }

    def belong(tab: Tab) -> set[str]:
        if tab.job:
            return {tab.job}
        found = answer(Question(), named(tab.owner) or AnonymousUser())
        return {str(pk) for pk in (*found.active, *found.ended)}

    def wrong() -> list[str]:
        shown = [(tab, browser.shown(tab)) for tab in browser.tabs]
        return [
            f"I3: the page {tab.path} shows job {job} as {seen.get(job)}, it is {rows.get(job)}"
            for tab, seen in shown
            for job in belong(tab) | seen.keys()
            if job not in rows or seen.get(job) != rows[job][1]
        ]

    yield from _in_time(wrong)
    for tab in browser.tabs:
        strangers = {job for job in browser.shown(tab) if job in rows and rows[job][0] != tab.owner}
        yield from (f"I7: {tab.owner} sees {job} on {tab.path}" for job in strangers)
    yield from (f"I4: {sentence}" for sentence in browser.steps_back())
    yield from (f"a page: {error}" for error in browser.errors)


def streams_ended(users: list[User]) -> Iterator[str]:
    """I3 for the streams of single jobs."""
    viewers = [viewer for user in users for viewer in user.viewers]
    try:
        wait_until(lambda: all(viewer.record.done for viewer in viewers), CAUGHT_UP, 0.2)
    except AssertionError:
        left = [viewer for viewer in viewers if not viewer.record.done]
        yield from (f"I3: {viewer.url} was never told of its end" for viewer in left)


def streams_had_no_gap(records: list[Record]) -> Iterator[str]:
    """I4, I5, I10, and that every frame was what the protocol says."""
    known: dict[str, set[int]] = {}
    for record in records:
        for job, found in numbers(record.messages).items():
            known.setdefault(job, set()).update(found)
    for record in records:
        yield from (f"I4/I5: {each}" for each in violations(record.messages, known))
        yield from (f"I5: {fault}" for fault in record.faults)
        if record.silence > SILENCE:
            yield f"I10: a stream was silent for {record.silence:.1f} s"


def nobody_saw_another_s_jobs(users: list[User], feeds: list[tuple[User, Viewer]]) -> Iterator[str]:
    """I7."""
    owner = dict(Job.objects.values_list("pk", "owner__username"))
    names = {str(job): name for job, name in owner.items()}
    for place, user in enumerate(users):
        mine = [viewer for whose, viewer in feeds if whose is user] + user.viewers
        for viewer in mine:
            strangers = {j for j in statuses(viewer.record) if names.get(j) != f"user{place}"}
            yield from (f"I7: user{place} was told of {job}" for job in strangers)


def answers_came_in_time(users: list[User], site: Site) -> Iterator[str]:
    """I8 and I9."""
    for user in users:
        for what, begun, ended, status in user.asked:
            excused = any(begun < end and start < ended for start, end in site.troubles)
            refused = any(begun < end + 1 and start < ended for start, end in site.refusals)
            during = f"while {site.suffering(begun, ended)}"
            if status >= 500 and not (status == 503 and refused):
                yield f"I9: {what} was answered {status} {during}"
            if ended - begun > ANSWERED and not excused:
                yield f"I8: {what} took {ended - begun:.1f} s {during}"


def returns(site: Site, records: list[Record]) -> list[float]:
    """Seconds from when a primary went to the first progress that somebody was told after there
    was another one."""
    heard = sorted(moment for record in records for moment in record.heard)
    heard.append(math.inf)
    return [heard[bisect(heard, chosen)] - begun for begun, chosen in site.failovers]


def it_came_back(site: Site, records: list[Record]) -> Iterator[str]:
    """I11: bars move again after a failover by Sentinels."""
    for seconds in returns(site, records):
        if seconds > BACK:
            yield f"I11: no bar moved for {seconds:.1f} s after a failover"


def measure(site: Site) -> dict[str, float]:
    """What the web process holds: descriptors, those of the database apart, for SQLite keeps and
    uses again what it has opened, without those to Redis; threads, memory in MB."""
    pid = site.web.pid
    status = Path(f"/proc/{pid}/status").read_text()
    numbers_of = dict(line.split(":", 1) for line in status.splitlines())
    files = files_of(pid)
    of_database = sum("sqlite3" in name for name in files)
    return {
        "fds": len(files) - of_database - site.connections(site.web),
        "database": of_database,
        "threads": int(numbers_of["Threads"]),
        "MB": int(numbers_of["VmRSS"].split()[0]) / 1024,
    }


def connections(site: Site) -> dict[str, list[int]]:
    """To Redis, by the name of the process, its children's with them."""
    found: dict[str, list[int]] = defaultdict(list)
    for process in site.served:
        found[process.name].append(site.connections(process))
    return dict(found)


def nothing_leaked(site: Site, base: dict[str, float]) -> Iterator[str]:
    """I6: some slack for pools, which are filled as they are used."""
    slack = {"fds": 15, "database": 15, "threads": 8, "MB": 60}

    def more() -> dict[str, float]:
        now, held = measure(site), connections(site)
        found = {name: now[name] for name in slack if now[name] > base[name] + slack[name]}
        return found | {
            f"connections of {name}": count
            for name, counts in held.items()
            for count in counts
            if count > CONNECTIONS[name]
        }

    try:
        wait_until(lambda: not more(), 15, 0.5)
    except AssertionError:
        yield f"I6: {more()}, it was {base}"
