"""What an operator sees of a whole installation with a long history, behind nginx as in deploy/:
how long pages and probes take, how many sessions PostgreSQL opens, and who is refused while web
processes are restarted. Not in `all`: it takes minutes, and PostgreSQL, nginx and Prometheus."""

import statistics
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from benchmarks import admin_pages, proxied
from benchmarks.databases import PostgreSQL
from benchmarks.proxied import Proxied
from benchmarks.site import Site
from benchmarks.table import Result, Target

ROWS = 300_000
PER_PAGE = 20
PROBES = ("/healthz", "/readyz")
RECOVERY = 60.0
"""Seconds after which all has to be well again that had been made to hang."""
ADMIN = {
    "admin list": "",
    "admin list, page 1,000": "?p=1000",
    "admin search, a quarter matches": "?q=simulate",
    "admin search, nothing matches": "?q=zzznothing",
    "admin search, two words": "?q=weekly+report",
    "admin list, failed": "?status=failed",
}
LIST = {
    "list of a user with half of the jobs": "",
    "the same, failed": "?status=failed",
    "the same, page 2": "?after={2}",
    "the same, page 1,000": "?after={1000}",
    "the same, page 7,000": "?after={7000}",
}


def run(site: Site, rounds: int, *, quick: bool) -> Result:
    """Targets: no page over 300 ms, probes within 300 ms in each state, nobody refused."""
    rows = admin_pages.FIRST if quick else ROWS
    result = Result("operated", f"{rows:,} jobs, two of each process, PostgreSQL, nginx", quick)
    admin_pages.people()
    admin_pages.fill(rows)
    _give_half(site)
    with proxied.installation(site) as parts:
        visitor = Visitor(parts.door.port, site.cookies(1)[0], rounds)
        boss = Visitor(parts.door.port, _boss_cookie(), rounds)
        for name, query in LIST.items():
            result.rows[name] = visitor.asks("/" + _with_key(query, site))
        for name, query in ADMIN.items():
            result.rows[name] = boss.asks(f"/admin/headway/job/{query}")
        before = _sessions()
        for _ in range(20):
            visitor.ask("/")
        result.rows["sessions of PostgreSQL opened by 20 pages"] = {"number": _sessions() - before}
        _probe(result, parts, visitor)
        _restart(result, parts, visitor)
    for name in (*LIST, *ADMIN):
        result.limit(name, "ms", name, 300.0)
    return result


@dataclass
class Visitor:
    """Asks nginx for pages over connections of its own."""

    port: int
    cookie: str
    rounds: int

    def ask(self, path: str) -> int:
        """The status of the answer, 0 for none."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Cookie": self.cookie, "Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def asks(self, path: str) -> dict[str, float]:
        """Milliseconds of `rounds` answers after a first one, and their status."""
        self.ask(path)
        taken, statuses = [], []
        for _ in range(self.rounds):
            began = time.perf_counter()
            statuses.append(self.ask(path))
            taken.append((time.perf_counter() - began) * 1e3)
        return {"ms": statistics.median(taken), "fastest": min(taken), "status": statuses[-1]}


def _give_half(site: Site) -> None:
    from headway.models import Job

    half = uuid.UUID(int=1 << 127)
    Job.objects.filter(pk__lt=half).update(owner=site.user)


def _boss_cookie() -> str:
    from django.conf import settings
    from django.contrib.auth.models import User

    from benchmarks.site import sessions

    [key] = sessions(User.objects.get(username="person0"), 1)
    return f"{settings.SESSION_COOKIE_NAME}={key}"


def _with_key(query: str, site: Site) -> str:
    """The cursor of a page in place of its number, which is what its link has."""
    from headway.models import Job
    from headway.web.keyset import Key

    if "{" not in query:
        return query
    page = int(query.partition("{")[2].rstrip("}"))
    own = Job.objects.filter(owner=site.user).order_by("-created_at", "-pk")
    last = min(PER_PAGE * (page - 1), own.count()) - 1
    at, pk = own.values_list("created_at", "pk")[last]
    return f"?after={Key.of(at, pk)}"


def _sessions() -> int:
    """Opened so far, of the database of the site."""
    from django.db import connection

    # Each tells of itself when it falls idle, at most once a second; nobody tells that all have
    time.sleep(2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT sessions FROM pg_stat_database WHERE datname = current_database()")
        [number] = cursor.fetchone()
    return int(number)


def _probe(result: Result, parts: Proxied, visitor: Visitor) -> None:
    """In each state; the broker is the same Valkey."""
    server, database = parts.door.site.valkey, parts.door.site.database
    if not isinstance(database, PostgreSQL):
        raise TypeError("this benchmark needs PostgreSQL")
    states: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "all well": (lambda: None, lambda: None),
        "Valkey hangs": (server.pause, server.resume),
        "PostgreSQL hangs": (database.pause, database.resume),
        "no worker, no janitor": (parts.stop_others, lambda: None),
    }
    for state, (begin, end) in states.items():
        parts.nginx.wait_for(lambda: _is_well(parts, visitor), RECOVERY)
        begin()
        try:
            for path in PROBES:
                result.rows[f"{path}, {state}"] = visitor.asks(path)
                result.limit(f"{path}, {state}", "ms", f"{path}, {state}", 300.0)
        finally:
            end()


def _is_well(parts: Proxied, visitor: Visitor) -> bool:
    """Whether each web process, which nginx asks in turn, has found out that all is well again."""
    return all(visitor.ask("/readyz") == HTTPStatus.OK for _ in parts.webs)


def _restart(result: Result, parts: Proxied, visitor: Visitor) -> None:
    """Both web processes in turn, while pages are asked for, and for the time that nginx keeps a
    server out by its defaults."""
    answers: Counter[int] = Counter()
    ended = threading.Event()

    def visit() -> None:
        while not ended.wait(0.1):
            answers[visitor.ask("/")] += 1

    visiting = threading.Thread(target=visit)
    visiting.start()
    parts.restart_webs()
    # What is measured over, and no waiting: nginx keeps a server out for ten seconds at a time
    time.sleep(35)
    ended.set()
    visiting.join()
    row = {f"answers {status}": float(number) for status, number in sorted(answers.items())}
    result.rows["pages while both web processes are restarted"] = row
    refused = sum(number for status, number in answers.items() if status != 200)
    result.targets.append(Target("pages refused", float(refused), 0.0))
