"""`manage.py start_job KIND --set name=value`: starts a job as the page does, and prints its
id."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.management.base import BaseCommand, CommandError, CommandParser

from headway import users
from headway.kinds import registry, secrets
from headway.lifecycle import actions, audit
from headway.ops.missing import Missing
from headway.users import Person

try:
    from headway.ops import watch
except ImportError as error:
    watch = Missing(error, "client")  # type: ignore[assignment]


class Command(BaseCommand):
    help = "Starts a job and prints its id."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", metavar="KIND", help="for example import-csv")
        parser.add_argument("--user", metavar="U", help="name of the user who owns the job")
        parser.add_argument(
            "--set",
            metavar="name=value",
            dest="values",
            action="append",
            default=[],
            help="a parameter; for a file its path",
        )
        parser.add_argument(
            "--watch", action="store_true", help="draw the bar, and exit as `watch` does"
        )

    def handle(self, *_: Any, **options: Any) -> str:
        """Raises CommandError with one line for each parameter that will not do."""
        known = {name: kind for name, kind in registry.kinds().items() if not kind.is_internal}
        try:
            kind = known[options["kind"]]
        except KeyError:
            named = ", ".join(known) or "none"
            raise CommandError(f"There is no kind {options['kind']!r}. Known: {named}.") from None
        owner = _user(options["user"])
        with ExitStack() as closing:
            form = _filled(kind, options["values"], closing)
            if not form.is_valid():
                secrets.hush(form, kind.secrets)
                raise CommandError("\n".join(_problems(form)))
            try:
                with audit.coming_from(audit.shell()):
                    job = actions.start(kind.name, form.cleaned_data, owner=owner)
            except actions.ActionError as error:
                raise CommandError(str(error)) from error
        if options["watch"]:
            self.stdout.write(str(job.pk))
            sys.exit(watch.show(watch.here([job.pk]), sys.stdout))
        return str(job.pk)


def _filled(kind: registry.Kind, pairs: list[str], closing: ExitStack) -> forms.Form:
    """The kind's form with what `--set` says; files are opened until `closing`."""
    values: dict[str, str] = {}
    opened: dict[str, UploadedFile[bytes]] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        field = kind.form_class.base_fields.get(name)
        if not equals or field is None:
            known = ", ".join(kind.form_class.base_fields) or "none"
            raise CommandError(f"--set {name}: write name=value with one of: {known}.")
        if isinstance(field, forms.FileField):
            opened[name] = closing.enter_context(_opened(Path(value)))
        else:
            values[name] = value
    return kind.fill(values, opened)


def _opened(path: Path) -> "UploadedFile[bytes]":
    try:
        return UploadedFile(path.open("rb"), path.name, size=path.stat().st_size)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error


def _user(name: str | None) -> Person | None:
    if name is None:
        return None
    user = users.named(name)
    if user is None:
        raise CommandError(f"There is no user {name!r}.")
    return user


def _problems(form: forms.Form) -> list[str]:
    return [
        f"{name}: {' '.join(str(message) for message in messages)}"
        for name, messages in form.errors.items()
    ]
