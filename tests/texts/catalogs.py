"""Catalogs as gettext's own programs make them of the code."""

import contextlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from django.core.management import call_command
from django.core.management.commands import makemessages
from django.test.utils import override_settings

from tests.support.pages import ROOT

APPS = ("headway", "jobs", "progress")
PO = "locale/de/LC_MESSAGES/django.po"
SOURCES = (*APPS, "templates")


class Command(makemessages.Command):
    """Without guesses: a text that is new has no translation yet."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]  # noqa: RUF012
    requires_system_checks = ()


@dataclass(frozen=True)
class Text:
    """One entry of a catalog, its translations by number of plural form."""

    msgid: str
    plural: str
    said: tuple[str, ...]


def made(directory: Path) -> None:
    """Makes the catalogs of the code as it is in a directory, from those of the repository."""
    for name in SOURCES:
        shutil.copytree(ROOT / name, directory / name, ignore=shutil.ignore_patterns("*.pyc"))
    options = {"no_location": True, "no_wrap": True, "no_obsolete": True, "verbosity": 0}
    # Where texts go of what is in no app, such as templates/.
    own = override_settings(LOCALE_PATHS=[directory / "progress/locale"])
    with own, contextlib.chdir(directory):
        call_command(Command(), locale=["de"], **options)


def tidied(path: Path) -> str:
    """A catalog without the time of its making."""
    return re.sub(r'^"POT-Creation-Date.*\n', "", path.read_text(), flags=re.MULTILINE)


def texts(path: Path) -> list[Text]:
    """The entries of a catalog."""
    return [
        Text(_field(each, "msgid "), _field(each, "msgid_plural "), _said(each))
        for each in path.read_text().split("\n\n")[1:]
    ]


def compiled(path: Path, target: Path) -> None:
    """Writes what Django reads; refuses formats that do not agree."""
    command = ["msgfmt", "--check-format", "-o", str(target), str(path)]
    subprocess.run(command, check=True, capture_output=True)


def _said(entry: str) -> tuple[str, ...]:
    if "msgid_plural" in entry:
        return tuple(_field(entry, f"msgstr[{number}] ") for number in (0, 1))
    return (_field(entry, "msgstr "),)


def _field(entry: str, name: str) -> str:
    found = re.search(rf'^{re.escape(name)}"((?:[^"\\]|\\.)*)"$', entry, re.MULTILINE)
    return found[1].replace('\\"', '"') if found else ""
