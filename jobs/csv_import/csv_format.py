"""Detects the encoding and the delimiter of a CSV file."""

import codecs
import csv
import io
import re
from collections.abc import Iterable
from itertools import chain

from headway import InputError

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark this one begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BINARY = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x1f\x8b", "a gzip file"),
)
_CONTROLS = bytes(range(9)) + bytes(range(14, 32))
_BYTES_OUTSIDE_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
_UNDECODED = re.compile("[\udc80-\udcff]")


def encoding_mark(head: bytes) -> str | None:
    """The encoding that the file's first bytes (its byte order mark) declare, if any."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), None)


def refuse_binary(head: bytes, encoding: str) -> None:
    """Raises InputError when the first bytes are not text. Wide encodings are full of zeros."""
    for magic, what in BINARY:
        if head.startswith(magic):
            raise InputError(f"This is {what}, not a CSV file. Please save it as CSV first.")
    if is_wide(encoding):
        return
    if b"\0" in head:
        raise InputError(
            "This is a binary file, not a CSV file."
            " (If it is UTF-16 text without a byte order mark, choose that encoding.)"
        )
    if len(head) - len(head.translate(None, _CONTROLS)) > len(head) / 20:
        raise InputError("This is a binary file, not a CSV file.")


def is_wide(encoding: str) -> bool:
    """Whether a character takes two or four bytes, ASCII ones too."""
    return codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))


def guess_encoding(blocks: Iterable[bytes]) -> str:
    """UTF-8 when most of what is not ASCII decodes as UTF-8, else Windows-1252, else Latin-1.

    Looks at the whole file: a file that is plain ASCII for its first megabytes says nothing about
    the rest. Detection by statistics was tried (charset-normalizer 3.5 took French and German
    cp1252 for cp1250): other encodings have to be chosen by the user who starts the job.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    seen: set[int] = set()
    for block in chain(blocks, [b""]):
        text = decoder.decode(block, final=not block)
        if text.isascii():
            continue
        undecoded = len(_UNDECODED.findall(text))
        bad += undecoded
        good += len(text) - len(text.encode("ascii", "ignore")) - undecoded
        seen |= _BYTES_OUTSIDE_CP1252.intersection(block)
    if good >= bad:
        return "utf-8"
    return "latin-1" if seen else "cp1252"


def guess_delimiter(sample: str) -> str:
    """The delimiter with which most rows have as many columns as the first one, at least two.

    Preferred to csv.Sniffer, which fails on ragged rows and on JSON in cells, and to clevercsv,
    which took the space in a single column of names for a delimiter and costs three packages.
    A file of one column gets the comma.
    """
    best = (0.0, 0, ",")
    for delimiter in DELIMITERS.values():
        try:
            rows = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
            widths = [len(row) for row in rows if row]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            best = max(best, (widths.count(widths[0]) / len(widths), widths[0], delimiter))
    return best[2]
