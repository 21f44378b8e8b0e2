"""A project whose router keeps jobs in another database than its users."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bare.conftest import PEOPLE, Project
from tests.support.processes import Process, wait_until
from tests.support.stack import Valkey

BOSS = PEOPLE + 'User.objects.create_superuser("boss", password="correct horse")\n'
LOOK = """
import json
from django.contrib.auth.models import User
from django.test import Client
from headway.lifecycle import actions
from headway.models import ApiToken, Job
from headway.web import tokens

job = Job.objects.get(pk="{job}")
alice, boss = (User.objects.get(username=name) for name in ("alice", "boss"))
token, text = tokens.issue(alice)
client = Client(headers={{"host": "127.0.0.1"}})

def status(path, **asked):
    return client.get(path, asked).status_code

def found(model, text, **asked):
    return client.get(f"/admin/headway/{{model}}/", asked).content.decode().count(text)

said = {{}}
client.force_login(alice)
prefix = "/ops/jobs/"
said["pages"] = [status(prefix + path) for path in ("", f"{{job.pk}}/", f"{{job.pk}}/status/")]
said["token"] = str(tokens.find(text).owner)
client.force_login(boss)
name = f'id="job-{{job.pk}}"'
said["history"] = [
    found("job", name),
    found("job", name, q="alice"),
    found("job", name, q="boss"),
    found("job", name, owner__id__exact=alice.pk),
    found("apitoken", f"/apitoken/{{token.pk}}/", q="alice"),
]
said["row"] = status(f"/admin/headway/job/{{job.pk}}/change/")
waiting = actions.start(job.kind, {{"steps": 3}}, owner=alice, options={{"countdown": 600}})
said["cancelled"] = actions.cancel(waiting, by=boss).status
said["retried"] = actions.retry(waiting, by=boss).status
client.post(f"/admin/auth/user/{{alice.pk}}/delete/", {{"post": "yes"}})
said["users"] = [user.username for user in User.objects.all()]
said["owners"] = [*Job.objects.values_list("owner_id", flat=True)]
said["revoked"] = ApiToken.objects.get(pk=token.pk).revoked_at is not None
said["refused"] = tokens.find(text) is None
said["after"] = [found("job", name), found("apitoken", f"/apitoken/{{token.pk}}/")]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def apart(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("apart"), valkey, "jobs.sqlite3")
    made.environment["DJANGO_SETTINGS_MODULE"] = "tests.bare.routed"
    for database in ("default", "jobs"):
        made.manage("migrate", "--verbosity=0", "--database", database)
    made.shell(BOSS)
    return made


@pytest.fixture
def worker(apart: Project) -> Iterator[Process]:
    process = apart.worker()
    process.start()
    process.wait_for(lambda: " ready." in process.output)
    yield process
    process.kill()


def tables(project: Project, name: str) -> set[str]:
    with sqlite3.connect(f"{project.environment['BARE_DATA']}/{name}.sqlite3") as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {row[0] for row in rows} - {"sqlite_sequence", "django_migrations"}


def test_jobs_run_and_are_looked_at_in_a_database_of_their_own(
    apart: Project, worker: Process
) -> None:
    ours = {
        f"headway_{name}"
        for name in (
            *("apitoken", "attempt", "auditentry", "job", "logchunk", "notice", "noticechoice"),
            *("savedquestion", "sharelink", "upload"),
        )
    }
    assert tables(apart, "jobs") == ours
    assert "auth_user" in tables(apart, "people")
    assert not tables(apart, "people") & ours
    job = apart.start(steps=2, pause=0.01)
    wait_until(lambda: apart.row(job)[0] == "succeeded")
    said: dict[str, Any] = json.loads(apart.shell(LOOK.format(job=job)).splitlines()[-1])
    assert said == {
        "pages": [200, 200, 200],
        "token": "alice",
        "history": [1, 1, 0, 1, 1],
        "row": 200,
        "cancelled": "cancelled",
        "retried": "queued",
        "users": ["boss"],
        "owners": [None, None],
        "revoked": True,
        "refused": True,
        "after": [1, 1],
    }
