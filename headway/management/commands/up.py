"""`manage.py up`: everything an installation needs, in one terminal."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from headway.ops.embedded_valkey import EmbeddedError
from headway.ops.missing import Missing

try:
    from headway.ops import installation, processes
except ImportError as error:
    installation = processes = Missing(error, "server")  # type: ignore[assignment]


class Command(BaseCommand):
    """Starts what is missing, runs the project's processes and ends them together."""

    help = "Migrate, start what is missing, run all processes and print the URL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, help="default: PORT of the settings, or 8000")
        parser.add_argument(
            "--workers", type=int, help="jobs at once; default: WORKERS of the settings, or 2"
        )

    def handle(self, *_: Any, verbosity: int, **options: Any) -> None:
        port, workers = (
            processes.option(name.upper()) if options[name] is None else options[name]
            for name in ("port", "workers")
        )
        try:
            with installation.Installation(
                processes.data_dir(), port=port, workers=workers
            ) as started:
                call_command("migrate", interactive=False, verbosity=max(0, verbosity - 1))
                if processes.collects_static_files():
                    call_command("collectstatic", interactive=False, verbosity=0)
                started.run()
        except (EmbeddedError, installation.InstallationError) as error:
            raise CommandError(str(error)) from error
