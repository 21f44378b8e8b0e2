"""A task that says more at once than is written at once, and ends."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from headway.lifecycle import actions
from headway.lifecycle.log import log
from tests.jobs.waiting import ended, events


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize("warnings", [999, 1000, 1200])
def test_its_output_and_its_last_line_are_there(alice: User, client: Client, warnings: int) -> None:
    job = ended(actions.start("floods", {"warnings": warnings, "size": 5000}, owner=alice))
    last = f"{warnings - 1}: is odd"
    assert log().output(str(job.pk)).text == "x" * 5000
    assert [data["text"] for kind, data in events(job) if kind == "warning"][-1] == last
    attempt = job.attempts.get()
    assert (attempt.lines[-1]["text"], len(attempt.warnings), job.warning_count) == (
        last,
        100,
        warnings,
    )
    client.force_login(alice)
    page = client.get(job.get_absolute_url()).content.decode()
    assert "x" * 5000 in page
    *_, shown = [line for line in page.splitlines() if ": is odd" in line and "<li" in line]
    assert last in shown
