"""`manage.py export_person USER FILE`: writes all that is kept of a person into a ZIP archive."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway import users
from headway.lifecycle import person


class Command(BaseCommand):
    help = "Writes all that is kept of a person into a ZIP archive."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", metavar="USER", help="name of the user")
        parser.add_argument("file", metavar="FILE", type=Path, help="archive, which must be new")

    def handle(self, *_: Any, **options: Any) -> str:
        """Answers how many jobs are in it."""
        somebody = users.named(options["user"])
        if somebody is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        path: Path = options["file"]
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                return f"{person.export(somebody, file)} jobs are in {path}."
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
