"""`manage.py watch` and `start_job --watch`, as people run them."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import uuid
from typing import IO, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from headway.lifecycle import actions
from headway.models import Job, Status
from headway.ops import terminal
from headway.web import tokens
from tests.client.hostile import Hostile, answer
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.snapshots import shown
from tests.support.stack import Web, Worker


def manage(*arguments: str, out: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.Popen(
        command, cwd=settings.BASE_DIR, env=environment, stdout=out, stderr=subprocess.STDOUT
    )


def run(*arguments: str) -> tuple[int, str]:
    process = manage(*arguments)
    printed, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, printed.decode()


@pytest.fixture(autouse=True)
def _parts(worker: Worker, transactional_db: None) -> None:
    del worker, transactional_db


def simulated(owner: User | None = None, **params: float) -> Job:
    return actions.start(
        "simulate", {"seconds": 1, "steps": 20, "phases": 2, **params}, owner=owner
    )


def test_start_job_prints_the_id_then_lines_and_exits_0() -> None:
    code, printed = run("start_job", "simulate", "--set", "seconds=1", "--set", "steps=20",
                        "--set", "phases=2", "--watch")  # fmt: skip
    first, *lines = printed.splitlines()
    assert (code, Job.objects.get(pk=uuid.UUID(first)).status) == (0, Status.SUCCEEDED)
    assert lines[-1].endswith("succeeded  100%  Phase 2 of 2")
    assert any("Phase 1 of 2" in line for line in lines)
    assert "\x1b" not in printed


def test_several_jobs_exit_1_when_one_failed_and_say_why() -> None:
    good, bad = simulated(), simulated(fail_at=50)
    code, printed = run("watch", str(good.pk), str(bad.pk))
    assert code == 1
    assert "as asked." in printed
    assert str(good.pk)[:8] in printed


def test_a_cancelled_job_exits_2() -> None:
    job = simulated(seconds=30)
    process = manage("watch", str(job.pk))
    wait_until(lambda: Job.objects.get(pk=job.pk).status == Status.RUNNING)
    actions.cancel(job)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 2


def test_ctrl_c_leaves_the_job_alone_and_says_so() -> None:
    job = simulated(seconds=30)
    process = manage("watch", str(job.pk))
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "The job continues." in printed.decode()
    job.refresh_from_db()
    assert job.status in (Status.QUEUED, Status.RUNNING)
    actions.cancel(job)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([str(uuid.UUID(int=1))], "There is no job 00000000"),
        (["nonsense"], "neither the id of a job"),
        ([f"http://a/jobs/{uuid.UUID(int=1)}/", f"http://b/jobs/{uuid.UUID(int=1)}/"], "one site"),
    ],
)
def test_what_cannot_be_watched_exits_3(arguments: list[str], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint) as error:
        call_command("watch", *arguments)
    assert error.value.returncode == 3


def test_by_address_and_token_it_follows_the_site_over_the_network(web: Web, alice: User) -> None:
    _, token = tokens.issue(alice)
    jobs = [simulated(owner=alice), simulated(owner=alice, fail_at=50)]
    addresses = [f"{web.url}/jobs/{job.pk}/" for job in jobs]
    code, printed = run("watch", *addresses, "--token", token)
    assert code == 1
    assert "as asked." in printed
    assert "succeeded  100%" in printed
    with pytest.raises(CommandError, match="401") as error:
        call_command("watch", addresses[0], "--token", "pt_1_wrong")
    assert error.value.returncode == 3


@pytest.mark.parametrize("prefix", ["", "work/", "jobs/of/all/"])
def test_the_jobs_of_a_site_may_be_below_any_prefix(prefix: str) -> None:
    job = str(uuid.uuid4())
    told = {"job": job, "attempt": 1, "status": "failed", "title": "x", "reason": ""}
    frames = f"event: snapshot\ndata: {json.dumps(told)}\n\n".encode()
    with Hostile(answer(frames)) as server, pytest.raises(SystemExit) as ended_with:
        call_command("watch", f"{server.url}{prefix}{job}/")
    assert ended_with.value.code == 1
    assert server.requests[0].startswith(f"GET /{prefix}{job}/events/?heartbeat ")


@pytest.mark.parametrize(
    "data",
    [
        *("1", "null", "[]", '"text"', "{}", "not JSON", '{"job": [1]}', '{"job": "another"}'),
        '{"job": "JOB", "attempt": 1, "status": "running", "percent": 1}',
        '{"job": "JOB", "attempt": 1, "status": "x", "title": "x", "reason": "", "percent": NaN}',
        '{"job": "JOB", "attempt": 1, "status": [], "title": "x", "reason": ""}',
        '{"job": "JOB", "attempt": 1, "status": "x", "title": "x", "reason": "", "unit": [1]}',
    ],
)
def test_a_server_that_is_none_of_ours_is_told_so(data: str) -> None:
    job = str(uuid.uuid4())
    frames = f"event: snapshot\ndata: {data.replace('JOB', job)}\n\n".encode()
    with (
        Hostile(answer(frames)) as server,
        pytest.raises(CommandError, match="is not a Headway site") as error,
    ):
        call_command("watch", f"{server.url}jobs/{job}/")
    assert error.value.returncode == 3


def test_a_job_that_is_deleted_meanwhile_exits_3_and_says_so(web: Web, alice: User) -> None:
    job = Job.objects.create(kind="simulate", title="Simulate", owner=alice)
    address, (_, token) = f"{web.url}/jobs/{job.pk}/", tokens.issue(alice)
    process = manage("watch", address, "--token", token)
    assert process.stdout is not None
    process.stdout.readline()
    job.delete()
    web.kill()
    web.start()
    printed, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 3
    assert b"no such job" in printed
    name = str(uuid.uuid4())
    told = json.dumps({"job": name, "attempt": 0, "status": "queued", "title": "x", "reason": ""})
    frames = f"event: snapshot\ndata: {told}\n\nevent: done\ndata: [DONE]\n\n".encode()
    with (
        Hostile(answer(frames)) as server,
        pytest.raises(CommandError, match=r"no job .* any more"),
    ):
        call_command("watch", f"{server.url}jobs/{name}/")


@pytest.mark.parametrize(
    ("motion", "line"),
    [
        ({"percent": 5, "current": 25.6, "total": 512}, "running  5%  26 of 512 kB  340 kB/s"),
        ({"percent": None, "current": 2_048_000}, "running  2 GB  340 kB/s"),
        ({"percent": 100, "current": 512, "total": 512, "status": "succeeded"}, "succeeded  100%"),
        ({"current": 3, "status": "failed", "reason": "No."}, "failed  3 kB  No."),
        ({"percent": 5, "current": 1, "total": 20, "unit": ""}, "running  5%  1 of 20  340/s"),
    ],
)
def test_amounts_and_rates_are_in_the_unit_of_the_kind(motion: dict[str, Any], line: str) -> None:
    out = io.StringIO()
    terminal.draw([shown(**{"unit": "kB", "rate": 340.2, **motion})], out)
    assert out.getvalue() == f"x 12345678 {line}\n"


def test_in_a_terminal_it_draws_bars_with_phase_rate_and_time_left() -> None:
    jobs = [simulated(seconds=60, steps=600, phases=1), simulated(unknown_total=True)]
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as out:
        process = manage("watch", *(str(job.pk) for job in jobs), out=out)
    drawn = b""
    try:
        while piece := os.read(ours, 65536):
            seen, drawn = b" left" in drawn, drawn + piece
            if not seen and b" left" in drawn:
                actions.cancel(jobs[0])
    except OSError:
        pass  # how Linux says that the terminal's other side has gone
    os.close(ours)
    assert process.wait(30) == 2
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawn.decode())
    assert "\x1b[" in drawn.decode()
    for part in ("Simulate", "━", "running", "Phase 1 of 1", "/s", " left", "100%", "succeeded"):
        assert part in text
