"""What a file is by its first bytes: checked by forms and, before anything is sent, in the browser
(static/headway/live/first_bytes.js): forms.FileField(validators=[FirstBytes("text")])."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

HEAD = 512
"""Bytes that are looked at."""
TEXT = "text"
KNOWN: dict[str, tuple[Any, tuple[tuple[int, str], ...]]] = {
    "zip": (
        gettext_lazy("a ZIP archive or an Office document"),
        ((0, "504b0304"), (0, "504b0506")),
    ),
    "gzip": (gettext_lazy("a gzip file"), ((0, "1f8b08"),)),
    "bzip2": (gettext_lazy("a bzip2 file"), tuple((0, f"425a683{n}314159") for n in range(1, 10))),
    "xz": (gettext_lazy("an xz file"), ((0, "fd377a585a00"),)),
    "tar": (gettext_lazy("a tar archive"), ((257, "7573746172"),)),
    "7z": (gettext_lazy("a 7z archive"), ((0, "377abcaf271c"),)),
    "rar": (gettext_lazy("a RAR archive"), ((0, "526172211a07"),)),
    "zstd": (gettext_lazy("a zstd file"), ((0, "28b52ffd"),)),
    "pdf": (gettext_lazy("a PDF document"), ((0, "255044462d"),)),
    "png": (gettext_lazy("a picture"), ((0, "89504e470d0a1a0a"),)),
    "jpeg": (gettext_lazy("a picture"), ((0, "ffd8ff"),)),
    "gif": (gettext_lazy("a picture"), ((0, "474946383961"), (0, "474946383761"))),
    "ole": (gettext_lazy("an old Office document"), ((0, "d0cf11e0a1b11ae1"),)),
    "sqlite": (gettext_lazy("a SQLite database"), ((0, "53514c69746520666f726d6174203300"),)),
}
"""Types by name: what users call them, and their bytes in hexadecimal with where these begin."""


class FirstBytes:
    """Refuses files that are certainly none of the types that a field takes: names of KNOWN, or
    "text". What no signature tells, such as an old tar archive, passes."""

    def __init__(self, *takes: str) -> None:
        if unknown := {*takes} - {*KNOWN, TEXT}:
            raise ValueError(f"unknown types: {sorted(unknown)}; known: {[TEXT, *KNOWN]}")
        self.takes = takes

    def __call__(self, file: Any) -> None:
        """Raises ValidationError."""
        file.seek(0)
        head = file.read(HEAD)
        file.seek(0)
        found = type_of(head)
        if head and found and found not in self.takes:
            raise ValidationError(self.sentence(found), code="type")

    def sentence(self, found: str) -> str:
        """Why a file of the type `found` is refused."""
        called = _("text") if found == TEXT else KNOWN[found][0]
        if self.takes == (TEXT,):
            return _("This is %(type)s, not a text file: choose another one.") % {"type": called}
        takes = ", ".join(self.takes)
        return _("This is %(type)s. The field takes: %(takes)s.") % {"type": called, "takes": takes}

    def as_json(self) -> str:
        """The same for the browser: signatures, what is taken, and the sentences."""
        signatures = [[name, *each] for name, (_called, all_) in KNOWN.items() for each in all_]
        wrong = {name: self.sentence(name) for name in (TEXT, *KNOWN) if name not in self.takes}
        return json.dumps({"head": HEAD, "signatures": signatures, "wrong": wrong})


def type_of(head: bytes) -> str:
    """The name of a type, TEXT, or "" when nothing tells."""
    for name, (_called, signatures) in KNOWN.items():
        if any(head[at:].startswith(bytes.fromhex(bytes_)) for at, bytes_ in signatures):
            return name
    return "" if b"\0" in head else TEXT
