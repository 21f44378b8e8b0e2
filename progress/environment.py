"""Reads settings from the environment, and remembers invalid values."""

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


class Environment:
    """Typed access to `values`; `problems` gets a sentence per value that had to be ignored."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.problems: list[str] = []

    def text(self, name: str, default: str) -> str:
        """The value as it is, or `default` when unset or empty."""
        return self._values.get(name, "").strip() or default

    def parsed(self, name: str, default: str, parse: Callable[[str], T]) -> T:
        """The value as `parse` understands it; a ValueError of that is a problem."""
        try:
            return parse(self.text(name, default))
        except ValueError as error:
            self.problems.append(f"{name} cannot be understood: {error}")
            return parse(default)

    def words(self, name: str, default: str) -> list[str]:
        """A comma-separated list, without its blanks."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false, in any of the usual spellings."""
        word = self.text(name, str(default)).lower()
        if word not in _TRUE | _FALSE:
            self.problems.append(f"{name} is {word!r}: use true or false.")
            return default
        return word in _TRUE

    def number(self, name: str, default: int, low: int = 1, high: int = 2**40) -> int:
        """A whole number from `low` to `high`."""
        word = self.text(name, str(default))
        try:
            value = int(word)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            self.problems.append(f"{name} is {word!r}: use a whole number from {low} to {high}.")
            return default
        return value


def numbers_by_name(text: str) -> dict[str, int]:
    """`a=1,b=2` as a dict. Raises ValueError for anything else."""
    found = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, number = part.partition("=")
        if not number.strip().isdecimal():
            raise ValueError(f"{part!r} is not NAME=NUMBER")
        found[name.strip()] = int(number)
    return found
