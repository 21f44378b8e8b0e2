"""A firewall that forgets the connections to Redis: nothing arrives any more, and nobody is told.
Fault F19."""

import time

from django.contrib.auth.models import User

from headway.models import Job
from headway.web import tokens
from tests.jobs.waiting import ended, until_status
from tests.support.installation import Installation
from tests.support.person import Person
from tests.support.proxy import Proxy
from tests.support.redis_server import RedisServer

HEALED = 30
"""Seconds until jobs run again: a worker gives up waiting for the queue after about twelve."""


def test_jobs_go_on_and_new_ones_run_when_every_connection_to_redis_is_dead(
    transactional_db: None, alice: User
) -> None:
    del transactional_db
    server = RedisServer()
    proxy = Proxy(server.port)
    installation = Installation(server, f"redis://127.0.0.1:{proxy.port}/0")
    token = tokens.issue(alice)[1]
    with installation, Person(installation.web.url, token) as person:
        job = person.start(seconds=6, steps=60)
        until_status(job, "running")
        proxy.forget()
        lost = time.monotonic()
        later = person.start(seconds=0, steps=1)
        assert person.slowest < 3.5
        assert ended(later, HEALED).status == "succeeded"
        assert time.monotonic() - lost < HEALED
        assert (ended(job).status, Job.objects.get(pk=job).attempt) == ("succeeded", 1)
    proxy.close()
