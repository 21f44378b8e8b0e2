"""`manage.py up`: everything an installation needs, in one terminal."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from headway.ops.embedded_valkey import EmbeddedError
from headway.ops.installation import Installation, InstallationError


class Command(BaseCommand):
    """Starts what is missing, runs the Procfile's processes and ends them together."""

    help = "Migrate, start what is missing, run the Procfile's processes and print the URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT, help="default %(default)s")
        parser.add_argument(
            "--workers",
            type=int,
            default=settings.WORKERS,
            help="jobs at once; default %(default)s",
        )

    def handle(self, *_: Any, port: int, workers: int, verbosity: int, **__: Any) -> None:
        try:
            with Installation(settings.DATA_DIR, port=port, workers=workers) as installation:
                call_command("migrate", interactive=False, verbosity=max(0, verbosity - 1))
                installation.run()
        except (EmbeddedError, InstallationError) as error:
            raise CommandError(str(error)) from error
