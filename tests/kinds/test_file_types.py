"""Files that are certainly of a wrong type are refused by their first bytes."""

import io
import json
import tarfile
import zipfile

import pytest
from django.core.exceptions import ValidationError

from headway.kinds.file_types import KNOWN, FirstBytes, type_of

TEXTS = [b"a,b\n1,2\n", "ä;ö\n".encode(), "a\n".encode("utf-16"), b""]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", "b")
    return file.getvalue()


def tarred(mode: str, format_: int = tarfile.DEFAULT_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=format_) as archive:  # type: ignore[call-overload]
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    return file.getvalue()


ARCHIVES = {
    "zip": zipped(),
    "tar": tarred("w"),
    "gzip": tarred("w:gz"),
    "bzip2": tarred("w:bz2"),
    "xz": tarred("w:xz"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_known_and_is_no_text(name: str) -> None:
    assert type_of(ARCHIVES[name]) == name
    FirstBytes("text", name)(io.BytesIO(ARCHIVES[name]))
    with pytest.raises(ValidationError, match="not a text file"):
        FirstBytes("text")(io.BytesIO(ARCHIVES[name]))


def test_text_is_no_archive_and_nothing_else_is_told_of_it() -> None:
    for text in TEXTS:
        FirstBytes("text")(io.BytesIO(text))
    with pytest.raises(ValidationError, match="This is text"):
        FirstBytes("zip", "tar")(io.BytesIO(TEXTS[0]))


def test_what_no_signature_tells_passes() -> None:
    FirstBytes("zip")(io.BytesIO(b"\0\1\2"))


def test_the_browser_is_given_the_same() -> None:
    told = json.loads(FirstBytes("text").as_json())
    assert told["wrong"].keys() == KNOWN.keys()
    assert ["pdf", 0, "255044462d"] in told["signatures"]


def test_a_type_that_is_unknown_is_an_error_of_the_author() -> None:
    with pytest.raises(ValueError, match="exe"):
        FirstBytes("exe")
