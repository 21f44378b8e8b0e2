"""`manage.py health`: which parts of the installation answer; exits with 0, 1 or 2."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from headway.lifecycle import readiness

CODES: dict[readiness.Status, int] = {"ok": 0, "degraded": 1, "unavailable": 2}
"""What the command exits with."""


TIMEOUT = 5.0
"""Seconds: a process that has just begun opens each of its connections first."""


class Command(BaseCommand):
    """For people and for monitoring that runs commands."""

    help = "Says which parts answer. Exits with 0 (ok), 1 (degraded) or 2 (unavailable)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--quiet"""
        parser.add_argument("--quiet", action="store_true", help="only the exit code")

    def handle(self, *_: Any, **options: Any) -> None:
        """Looks once."""
        found = readiness.look(TIMEOUT)
        if not options["quiet"]:
            for name, value in found.items():
                self.stdout.write(f"{name}: {_words(value)}")
        sys.exit(CODES[found["status"]])


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " of ".join(map(str, value))
    return str(value)
