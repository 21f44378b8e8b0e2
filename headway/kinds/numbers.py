"""Numbers as people read them, with the separators of the viewer's language. `live/words.js` writes
them the same way in the browser."""

import math
import re

from django.utils.formats import get_format, number_format

NUMBER = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?%?")
"""As Python writes it by `f"{n:,}"` or without the commas."""


def grouped(number: int) -> str:
    """49,877, and 49.877 for a German."""
    return str(number_format(number, force_grouping=True))


def lasting(seconds: float) -> str:
    """42 s, 3 min 05 s, 2 h 07 min."""
    whole = max(0, math.floor(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole // 60 % 60:02} min"


def separated(number: str) -> str:
    """1,234.5 with the separators of the viewer's language: 1.234,5."""
    marks = {",": get_format("THOUSAND_SEPARATOR"), ".": get_format("DECIMAL_SEPARATOR")}
    return "".join(marks.get(each, each) for each in number)


def localized(text: str) -> str:
    """The same of a text that is nothing but a number; any other stays as it is."""
    return separated(text) if NUMBER.fullmatch(text) else text
