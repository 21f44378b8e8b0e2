"""`manage.py stream_doctor URL`: what the proxies on the way to a site do to its streams."""

import asyncio
import getpass
import json
import logging
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway.ops.missing import Missing

try:
    from headway.doctor import examination
    from headway.doctor.findings import Finding, Verdict
    from headway.doctor.listening import NotReached
except ImportError as error:
    examination = Missing(error, "doctor")  # type: ignore[assignment]

FOUND, NOT_REACHED = 1, 2
VARIABLE = "HEADWAY_TOKEN"


class Command(BaseCommand):
    help = (
        "Examines a site's streams through its public address, and names the setting of the proxy "
        "that cures what is wrong. Exits 0 when all is well, 1 with findings, 2 when there was "
        "nothing to examine."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", metavar="URL", help="the site, for example https://example.com")
        parser.add_argument(
            "--token",
            help=f"API token; others see it in the list of processes: better is {VARIABLE} in the "
            "environment, --token-file, or the prompt",
        )
        parser.add_argument("--token-file", type=Path, help="a file with nothing but the token")
        parser.add_argument(
            "--heartbeat", type=float, help="STREAM_KEEPALIVE of the site [as the site tells it]"
        )
        parser.add_argument("--thorough", action="store_true", help="stay idle for four heartbeats")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Ends the process with the exit code."""
        logging.getLogger("httpx").setLevel(logging.WARNING)
        site = _site(options["url"])
        if not 1 <= (options["heartbeat"] or 1) <= 300:
            raise CommandError("--heartbeat takes 1 to 300 seconds.", returncode=NOT_REACHED)
        token = _token(options)
        work = examination.examine(
            site,
            {"Authorization": f"Bearer {token}"} if token else {},
            heartbeat=options["heartbeat"],
            thorough=options["thorough"],
        )
        try:
            found = asyncio.run(work)
        except NotReached as problem:
            if options["json"]:
                self.stdout.write(json.dumps({"url": site, "error": str(problem)}))
                sys.exit(NOT_REACHED)
            raise CommandError(f"{site}: {problem}", returncode=NOT_REACHED) from None
        self.stdout.write(_as_json(site, found) if options["json"] else _as_text(found))
        if any(each.cures for each in found):
            sys.exit(FOUND)


def _site(url: str) -> str:
    """The address below which the site has its jobs."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CommandError(
            f"{url} is no address: give one such as https://jobs.example.com.",
            returncode=NOT_REACHED,
        )
    if "@" in parts.netloc:
        raise CommandError("Leave the password out of the address.", returncode=NOT_REACHED)
    path = re.sub(r"/(events|[0-9a-fA-F-]{36})(/.*)?$", "", parts.path.rstrip("/"))
    return f"{parts.scheme}://{parts.netloc}{path or '/jobs'}"


def _token(options: dict[str, Any]) -> str | None:
    text = options["token"] or os.environ.get(VARIABLE)
    if options["token_file"]:
        try:
            text = options["token_file"].read_text()
        except (OSError, UnicodeDecodeError):
            told = f"{options['token_file']} cannot be read."
            raise CommandError(told, returncode=NOT_REACHED) from None
    elif not text and sys.stdin.isatty():
        text = getpass.getpass("API token: ")
    text = (text or "").strip()
    if not re.fullmatch(r"[!-~]*", text):
        raise CommandError("This is no token.", returncode=NOT_REACHED)
    return text or None


def _as_json(site: str, found: "list[Finding]") -> str:
    checks = [{**each._asdict(), "cures": dict(each.cures)} for each in found]
    return json.dumps({"url": site, "checks": checks}, indent=2)


def _as_text(found: "list[Finding]") -> str:
    lines = []
    for each in found:
        lines.append(f"{each.verdict:<9}  {each.check}: {each.measured}")
        lines += [f"{'':11}{proxy}: {cure}" for proxy, cure in each.cures.items()]
    wrong = sum(bool(each.cures) for each in found)
    bad = sum(each.verdict == Verdict.BAD for each in found)
    return "\n".join([*lines, f"{wrong} finding(s), {bad} of them bad."])
