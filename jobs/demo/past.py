"""A month of ordinary jobs: fewer on weekends, some of which fail."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from django.utils import timezone

from headway.models import Status
from jobs.demo.scenes import DISAPPEARED, IMPORT, TRACEBACK, UNEXPECTED
from jobs.demo.story import Story

PREFIX = "day"
DAYS = 30
WORDS = ("orders", "customers", "stock", "prices", "returns", "suppliers", "leads", "payments")
REPORTS = ("Weekly report", "Rebuild the search index", "Nightly backup", "Send the newsletter")
STATUSES = {
    Status.SUCCEEDED: 88,
    Status.FAILED: 8,
    Status.CANCELLED: 3,
    Status.LOST: 1,
}
LATE = "Took longer than 120 s"
CAUSES = (
    ("The bank did not answer in time. Try it again later.", False),
    ("The bank did not answer in time. Try it again later.", False),
    ("This is a PDF document, not a CSV file. Please save it as CSV first.", True),
    (f"{UNEXPECTED} {{reference}}", False),
    (LATE, False),
)


def month(chance: random.Random) -> Iterator[Story]:
    """None within the last day, which the scenes have."""
    today = timezone.localtime()
    for day in range(1, DAYS):
        weekend = (today - timedelta(days=day)).weekday() >= 5
        for number in range(chance.randint(1, 3) if weekend else chance.randint(5, 10)):
            ago = 24 * day + chance.uniform(0, 11)
            story = _job(f"{PREFIX}-{day}-{number}", ago, chance)
            # One mistake in the code, which is one cause however many references it has had
            unexpected = story.reason.startswith(UNEXPECTED)
            yield _likely(replace(story, error=TRACEBACK) if unexpected else story)


def _likely(story: Story) -> Story:
    """With times that go with its reason."""
    if story.refused:  # before the first row
        return replace(story, took=0.4, percent=None, phases=IMPORT[:1], message="", warnings=())
    if story.reason == LATE:
        return replace(story, took=120.0)
    return replace(story, took=story.took + 34) if story.status == Status.LOST else story


def _job(name: str, ago: float, chance: random.Random) -> Story:
    [status] = chance.choices([*STATUSES], weights=[*STATUSES.values()])
    who, waited = chance.choice((0, 0, 1, 2)), round(chance.expovariate(1 / 3) + 0.1, 2)
    sort = chance.random()
    if sort < 0.5:
        return _import(name, status, ago, who, waited, chance)
    if sort < 0.7:
        return _archive(name, status, ago, who, waited, chance)
    return _report(name, status, ago, who, waited, chance)


def _import(
    name: str, status: Status, ago: float, who: int, waited: float, chance: random.Random
) -> Story:
    rows = round(chance.lognormvariate(9.5, 0.9))
    rejected = chance.choice((0, 0, 0, chance.randint(1, 60)))
    reason, refused = _why(status, chance)
    percent = 100.0 if status == Status.SUCCEEDED else round(chance.uniform(3, 95), 1)
    return Story(
        *(name, "import-csv", "Import CSV", status, ago, who),
        upload=f"{chance.choice(WORDS)}-{chance.randint(1, 52):02}.csv",
        waited=waited,
        took=round(rows / chance.uniform(900, 1500) + 0.3, 1),
        percent=percent,
        total=rows * 0.12,
        message=f"line {round(rows * percent / 100):,}",
        phases=IMPORT,
        warnings=[(f"line {9 * each + 3}", "5 columns instead of 6") for each in range(rejected)],
        result={"rows": rows - rejected, "rejected": rejected} if percent == 100 else None,
        reason=reason,
        refused=refused,
    )


def _archive(
    name: str, status: Status, ago: float, who: int, waited: float, chance: random.Random
) -> Story:
    size, files = chance.lognormvariate(11, 1), chance.randint(4, 900)
    reason, _ = _why(status, chance)
    return Story(
        *(name, "checksum-archive", "Checksum archive", status, ago, who),
        upload=f"backup-{chance.randint(1, 400):03}.zip",
        waited=waited,
        took=round(size / 20_000 + 0.5, 1),
        percent=100.0 if status == Status.SUCCEEDED else round(chance.uniform(3, 95), 1),
        total=size,
        message=f"{chance.choice(WORDS)}/part-{files}.bin",
        result={"files": files, "bytes": round(size * 1000)} if status == "succeeded" else None,
        reason=reason,
    )


def _report(
    name: str, status: Status, ago: float, who: int, waited: float, chance: random.Random
) -> Story:
    steps, seconds = chance.choice((100, 200, 500)), round(chance.lognormvariate(3.2, 0.5), 1)
    reason, _ = _why(status, chance)
    percent = 100.0 if status == Status.SUCCEEDED else round(chance.uniform(3, 95), 1)
    done = round(steps * percent / 100)
    return Story(
        *(name, "simulate", chance.choice(REPORTS), status, ago, who),
        params={"seconds": seconds, "steps": steps},
        waited=waited,
        took=seconds,
        percent=percent,
        total=float(steps),
        message=f"step {done} of {steps}",
        phases=("Collecting", "Writing"),
        result={"steps": steps, "seconds": seconds} if done == steps else None,
        reason=reason,
    )


def _why(status: Status, chance: random.Random) -> tuple[str, bool]:
    if status == Status.FAILED:
        reason, refused = chance.choice(CAUSES)
        reference = "".join(chance.choices("23456789ABCDEFGHJKMNPQRSTVWXYZ", k=8))
        return reason.format(reference=reference), refused
    return {Status.CANCELLED: "Cancelled", Status.LOST: DISAPPEARED}.get(status, ""), False
