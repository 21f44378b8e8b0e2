"""Every part of an installation is restarted in turn while jobs run and people watch: nobody sees
an error, and nothing is lost. tests/topology/test_brokers.py does it on PostgreSQL."""

import os
import time

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from headway.models import ACTIVE, Job, Status, result_path
from headway.web import tokens
from tests.support.oracles import numbers, violations
from tests.support.patience import PATIENCE
from tests.support.person import Person
from tests.support.processes import wait_until
from tests.support.stack import Valkey
from tests.support.thorough import Figure, Many
from tests.support.viewer import Viewer, statuses
from tests.topology.site import Site, Visitor, restart

RIGHT = 5
"""Seconds after which every viewer has to know how the jobs have ended, promised to operators."""
BROKER = "BROKER_OF_TESTS"


def test_each_part_is_restarted_and_nobody_notices(
    valkey: Valkey,
    transactional_db: None,
    boss: User,
    many: Many,
    record_property: Figure,
) -> None:
    valkey.flush()
    token = tokens.issue(boss)[1]
    seconds, count = many(10, thorough=60), many(5, thorough=20)
    whole = bool(many(0, thorough=1))
    environment = {"DOWNLOADS": "/files-of-headway/", **broker()}
    with Site(whole=whole, **environment) as site, Person(site.url, token) as person:
        assert_nginx_sends_files(boss, person)
        steps = seconds * many(10, thorough=2)  # 200 viewers check each frame, in this process
        jobs = [person.start(seconds=seconds, steps=steps) for _ in range(count)]
        viewers = [
            Viewer(f"{site.url}/jobs/{jobs[seed % count]}/events/", token, seed=seed)
            for seed in range(many(20, thorough=200))
        ]
        visitor = Visitor(person, [f"/jobs/{jobs[0]}/", "/", "/readyz"])
        for thread in (*viewers, visitor):
            thread.start()
        wait_until(lambda: all(viewer.record.begun for viewer in viewers))
        for process in site.parts if whole else (site.workers[0], site.webs[0]):
            restart(process)
        time.sleep(1)
        visitor.stop()
        wait_until(lambda: not Job.objects.filter(status__in=ACTIVE).exists(), 10 * PATIENCE)
        ended = time.monotonic()
        wait_until(lambda: all(viewer.record.done for viewer in viewers), PATIENCE)
        late = time.monotonic() - ended
    for answer, times in visitor.answers.items():
        record_property(answer, times)
    record_property("viewers right after, s", round(late, 1))
    record_property("connections", sum(viewer.record.connections for viewer in viewers))
    assert {answer.partition(": ")[2] for answer in visitor.answers} <= {"200", "202"}
    assert visitor.started
    assert late < RIGHT
    told = numbers(message for viewer in viewers for message in viewer.record.messages)
    for viewer in viewers:
        assert [*statuses(viewer.record).values()] == ["succeeded"]
        assert (viewer.record.faults, viewer.record.refused) == ([], 0)
        assert [*violations(viewer.record.messages, told)] == []
    states = Job.objects.filter(pk__in=[*jobs, *visitor.started]).values_list("status", flat=True)
    assert [*states] == ["succeeded"] * (count + len(visitor.started))


def assert_nginx_sends_files(boss: User, person: Person) -> None:
    """By itself, from where the web process tells it, with the headers of a download."""
    job = Job.objects.create(
        kind="simulate", owner=boss, status=Status.SUCCEEDED, attempt=1, files=["a b.csv"]
    )
    path = default_storage.save(result_path(job.pk, 1, "a b.csv"), ContentFile(b"1,2\n" * 1000))
    answer = person.ask("GET", f"/jobs/{job.pk}/files/a%20b.csv/")
    assert (answer.status_code, answer.content) == (200, b"1,2\n" * 1000)
    assert "ETag" in answer.headers  # nginx's own
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    default_storage.delete(path)


def broker() -> dict[str, str]:
    """Of quorum queues, where test_brokers.py has given one."""
    if not (url := os.environ.get(BROKER, "")):
        return {}
    return {"CELERY_BROKER_URL": url, "QUEUE_TYPE": "quorum"}
