"""The demo's jobs and those that the tasks are about, as rows of plain JSON."""

import json
import random
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from headway.models import ApiToken, Status, result_path
from jobs.demo import contents, past, scenes
from jobs.demo.rows import Rows, rows
from jobs.demo.story import Story

PASSWORD = "a-first-password"
NAMES = ("ada", "maria", "yusuf", "nora")
REASON = "The bank did not answer in time. Try it again later."
STUCK = 20
LAST_LINE = "40,000 rows are stored."


def stories() -> list[Story]:
    """Two imports of Maria's that failed yesterday, and twenty of her jobs that say nothing."""
    local = timezone.localtime()
    noon = (local - local.replace(hour=0, minute=0)).total_seconds() / 3600 + 12
    failed = [
        Story(
            *(f"sought-{number}", "import-csv", "Import CSV", Status.FAILED, noon + number, 1),
            upload=f"branch-{number}.csv",
            took=31,
            percent=48.0,
            reason=REASON,
        )
        for number in (1, 2)
    ]
    stuck = [
        Story(
            *(f"stuck-{number}", "simulate", f"Sync shop {number}", Status.RUNNING, 2, 1),
            params={"seconds": 600},
            took=600,
            percent=37.0,
            total=100.0,
            message="asking the shop",
        )
        for number in range(1, STUCK + 1)
    ]
    told = Story(
        *("told", "simulate", "Store the orders", Status.SUCCEEDED, 0.4),
        params={"seconds": 40},
        lines=[*(f"{n * 100:,} rows are stored." for n in range(1, 400)), LAST_LINE],
    )
    again = Story(
        *("again-with", "import-csv", "Import CSV", Status.FAILED, 0.3),
        upload="orders-q3.csv",
        took=4,
        reason=REASON,
    )
    month = past.month(random.Random(7))
    return [*scenes.all_states(), *month, *failed, *stuck, told, again]


def people() -> list[User]:
    """A superuser and users who are no staff, the last without jobs."""
    secret = make_password(PASSWORD)
    return [
        User(pk=pk, username=name, password=secret, is_staff=pk == 1, is_superuser=pk == 1)
        for pk, name in enumerate(NAMES, 1)
    ]


Filling = tuple[str, list[Rows]]
"""The JSON for `fill`, and the rows behind it."""


def everything() -> Filling:
    """The jobs of the tasks, and of a month."""
    known, users, now = stories(), people(), timezone.now()
    made = [rows(story, users[:-1], now) for story in known]
    return filling(known, users, made)


def filling(known: Sequence[Story], users: Sequence[User], made: list[Rows]) -> Filling:
    """These jobs, of these people, with the files that were uploaded for them."""
    attempts = [attempt for each in made for attempt in each.attempts]
    given: dict[str, Any] = {
        "people": [_plain(each) for each in users],
        "jobs": [_plain(each.job) for each in made],
        "attempts": [_plain(each) for each in attempts],
        "auditentry": [_plain(entry) for each in made for entry in each.entries],
        "apitoken": [_plain(ApiToken(owner=users[0], name="backup", created_at=timezone.now()))],
        "files": {
            str(each.job.params["file"]): contents.SAMPLE
            for each in made
            if "file" in each.job.params
        },
    }
    for story, each in zip(known, made, strict=True):
        for name, text in story.files.items():
            given["files"][result_path(each.job.pk, each.job.attempt, name)] = text
    return json.dumps(given, cls=DjangoJSONEncoder), made


def _plain(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
