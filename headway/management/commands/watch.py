"""`manage.py watch JOB ...`: bars in the terminal until the jobs have ended."""

import logging
import re
import sys
import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway.ops.missing import Missing

try:
    from headway.ops import watch
except ImportError as error:
    watch = Missing(error, "client")  # type: ignore[assignment]

ADDRESS = re.compile(r"(?P<site>https?://.+?)/(?P<job>[0-9a-fA-F-]{36})(/.*)?")


class Wanted(NamedTuple):
    """Jobs, and the address below which their site has them; "" for this installation."""

    site: str
    jobs: list[uuid.UUID]


class Command(BaseCommand):
    help = (
        "Draws the progress of jobs. Exits 0 when all succeeded, 1 when one failed, 2 when one "
        "was cancelled or lost, 3 when it cannot be watched, 130 on Ctrl-C: the jobs go on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "jobs", metavar="JOB", nargs="+", help="the id of a job, or the address of its page"
        )
        parser.add_argument("--token", help="API token, for addresses (see `token`)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Ends the process with the exit code."""
        wanted = _wanted(options["jobs"])
        if wanted.site:
            logging.getLogger("httpx").setLevel(logging.WARNING)
            source = watch.elsewhere(wanted.site, wanted.jobs, options["token"])
        else:
            source = watch.here(wanted.jobs)
        sys.exit(watch.show(source, sys.stdout))


def _wanted(names: Iterable[str]) -> Wanted:
    """Reads ids or addresses. Raises CommandError for anything else, and for two sites."""
    jobs: dict[uuid.UUID, None] = {}
    sites = set()
    for name in names:
        found = ADDRESS.fullmatch(name)
        try:
            jobs[uuid.UUID(found["job"] if found else name)] = None
        except ValueError:
            raise CommandError(
                f"{name} is neither the id of a job nor the address of its page.",
                returncode=watch.UNKNOWN,
            ) from None
        sites.add(found["site"] if found else "")
    if len(sites) > 1:
        raise CommandError("All jobs must belong to one site.", returncode=watch.UNKNOWN)
    return Wanted(sites.pop(), list(jobs))
