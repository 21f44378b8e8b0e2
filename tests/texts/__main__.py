"""Brings the catalogs up to date with the code, compiles them, and lists what lacks German."""

import sys
import tempfile
from pathlib import Path

import django

from tests.support import environment as environment  # a data directory of its own
from tests.texts.catalogs import APPS, PO, compiled, made, texts, tidied

django.setup()


def main() -> None:
    """Translate what it lists in the catalogs that it names, and run it again."""
    with tempfile.TemporaryDirectory() as name:
        made(Path(name))
        for app in APPS:
            path = Path(app) / PO
            path.write_text(tidied(Path(name) / app / PO))
            compiled(path, path.with_suffix(".mo"))
            for text in texts(path):
                if not all(text.said):
                    sys.stdout.write(f"{path}: {text.msgid}\n")


if __name__ == "__main__":
    main()
