"""`manage.py erase_person USER --yes`: erases all that is kept of a person."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway import users
from headway.lifecycle import audit, person
from headway.lifecycle.actions import ActionError


class Command(BaseCommand):
    help = "Erases all that is kept of a person, whose name goes from the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user")
        parser.add_argument("--yes", action="store_true", help="do it: nothing brings it back")
        parser.add_argument("--account", action="store_true", help="delete the account as well")

    def handle(self, *_: Any, **options: Any) -> str:
        """Answers how many jobs went."""
        somebody = users.named(options["user"])
        if somebody is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        if not options["yes"]:
            raise CommandError("Nothing was done: repeat it with --yes.")
        try:
            with audit.coming_from(audit.shell()):
                count = person.erase(somebody)
        except ActionError as error:
            raise CommandError(str(error)) from error
        if options["account"]:
            somebody.delete()
        return f"{count} jobs are erased."
