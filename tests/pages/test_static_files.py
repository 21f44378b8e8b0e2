"""Each start of `up` collects the static files, and compresses those that have changed."""

import gzip
import os
from pathlib import Path

from django.core.management import call_command
from pytest_django.fixtures import Settings

FUTURE = 4_000_000_000
"""Seconds since 1970: what is collected already is older."""


def test_what_has_not_changed_is_not_compressed_again(settings: Settings, tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "static"
    source.mkdir()
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [source], root
    backend = {"BACKEND": "progress.static_files.HashedFiles"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": backend}

    def collect(text: str, changed_at: int) -> bytes:
        (source / "a.css").write_text(text)
        os.utime(source / "a.css", (changed_at, changed_at))
        call_command(
            "collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin", "headway"]
        )
        assert gzip.decompress((root / "a.css.gz").read_bytes()).decode() == text
        return (root / "a.css.br").read_bytes()

    first, second = "a { color: red }" * 100, "a { color: green }" * 100
    written = collect(first, 0)
    (root / "a.css.br").write_bytes(b"as it was")
    assert collect(first, 0) == b"as it was"
    assert collect(second, FUTURE) not in (written, b"as it was")
