"""`manage.py demo`: jobs in every state, of three people and a month. --remove takes them away."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.demo import stage
from jobs.demo.cast import NobodyError


class Command(BaseCommand):
    help = "Fills the history with jobs to look at, in every state; --remove takes them away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="take away what it has made")
        parser.add_argument("--seed", type=int, default=7, help="for another month (default: 7)")
        parser.add_argument("--force", action="store_true", help="also where DEBUG is off")

    def handle(self, *_: Any, **options: Any) -> str:
        """Answers what was done."""
        if options["remove"]:
            return f"{stage.remove()} jobs of the demo are removed."
        if not settings.DEBUG and not options["force"]:
            raise CommandError(
                "This may be production, as DEBUG is off: the demo would stand among real jobs."
                " Repeat it with --force, or with DEBUG=true in the environment."
            )
        try:
            made = stage.make(options["seed"])
        except NobodyError as error:
            raise CommandError(str(error)) from error
        if not made:
            return "The demo is there already: --remove takes it away."
        return (
            f"{made} jobs were made. Nobody works on those that run: they have stalled in two"
            " minutes, and are lost in a day. --remove takes everything away."
        )
