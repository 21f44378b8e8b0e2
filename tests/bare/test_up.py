"""`manage.py up` in a project that has no Procfile and none of the site's settings."""

import sys
from pathlib import Path

import httpx

from tests.bare.conftest import Project
from tests.support.processes import Process, wait_until
from tests.support.stack import free_port

CANCEL_ALL = """
from headway.lifecycle import actions
from headway.models import ACTIVE, Job
for job in Job.objects.filter(status__in=ACTIVE):
    actions.cancel(job)
"""
"""What other tests have left would keep the one worker."""


def test_all_of_it_runs(project: Project, tmp_path: Path) -> None:
    project.shell(CANCEL_ALL)
    port = free_port()
    words = ["-m", "django", "up", "--port", str(port), "--workers", "1"]
    environment = {**project.environment, "BARE_BASE": str(tmp_path)}
    process = Process("up", [sys.executable, *words], **environment)
    process.start()
    try:
        process.wait_for(lambda: "ready: http" in process.output)
        assert httpx.get(f"http://127.0.0.1:{port}/hello/").text == "Hello AnonymousUser"
        script = httpx.get(f"http://127.0.0.1:{port}/static/headway/live/page.js")
        assert script.status_code == 200
        job = project.start(steps=2, pause=0.01)
        wait_until(lambda: project.row(job)[0] == "succeeded")
        assert "janitor started" in process.output
    finally:
        assert process.stop(20) == 0, process.output
    assert "sign in as" not in process.output
