"""`manage.py token USER`: prints a new API token once. `--revoke ID` revokes one."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway import users
from headway.models import ApiToken, Scope
from headway.web import tokens

MAX_DAYS = 3650


class Command(BaseCommand):
    help = "Makes an API token for a user and prints it, once; or revokes one."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("user", metavar="USER", nargs="?", help="name of the user it stands for")
        who.add_argument("--revoke", metavar="ID", type=int, help="the number after pt_ in a token")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.ALL, help="what it is good for [all]"
        )
        parser.add_argument("--days", type=int, help="when it expires [never]")

    def handle(self, *_: Any, **options: Any) -> str | None:
        """Answers the token, which goes to stdout alone, so that `TOKEN=$(...)` takes it."""
        if options["revoke"] is not None:
            self._revoke(options["revoke"])
            return None
        owner = users.named(options["user"])
        if owner is None:
            raise CommandError(f"There is no user {options['user']!r}.")
        longest = ApiToken._meta.get_field("name").max_length
        if longest is not None and len(options["name"]) > longest:
            raise CommandError(f"--name takes {longest} characters at most.")
        token, text = tokens.issue(
            owner, options["name"], scope=Scope(options["scope"]), lasts=_lasts(options["days"])
        )
        self.stderr.write(
            f"Token {token.pk} of {owner}: it is not shown again. "
            f"Revoke it with `token --revoke {token.pk}`.",
            self.style.NOTICE,
        )
        return text

    def _revoke(self, number: int) -> None:
        token = ApiToken.objects.filter(pk=number).first()
        if token is None:
            raise CommandError(f"There is no token {number}.")
        done = tokens.revoke(token)
        self.stderr.write(f"Token {number} is revoked{'' if done else ' already'}.")


def _lasts(days: int | None) -> timedelta | None:
    if days is None:
        return None
    if not 0 < days <= MAX_DAYS:
        raise CommandError(f"--days takes 1 to {MAX_DAYS}.")
    return timedelta(days=days)
