"""Masks secrets in texts that people read."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "••••••"
"""Stands for every secret, whatever its length."""
SHORTEST = 4
"""Characters of a secret that is looked for in texts: what is shorter is in many by chance."""
SHORTEST_LINE = 8
"""The same for one line of a longer secret, such as a key in PEM."""
MAX_PARTS = 200
"""Texts and lines that are looked for at most: each line that a task logs is searched for all."""


class Mask:
    """Knows some secrets, in the forms in which an error's text or an address has them."""

    def __init__(self, secrets: Iterable[Any] = ()) -> None:
        parts = islice((part for text in _texts([*secrets]) for part in _parts(text)), MAX_PARTS)
        found = {form for part in parts for form in _forms(part)}
        longest_first = sorted(found, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if found else None

    def text(self, text: str) -> str:
        """`text` without the secrets."""
        return self._secret.sub(MASK, text) if self._secret else text

    def json(self, value: Any) -> Any:
        """A JSON value whose texts are without the secrets."""
        if self._secret is None:
            return value
        if isinstance(value, Mapping):
            return {self.text(name): self.json(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.json(each) for each in value]
        return self.text(value) if isinstance(value, str) else value

    def told(self, said: Any) -> Any:
        """What a task says without the secrets; numbers and None as they are."""
        if self._secret is None or said is None or isinstance(said, (int, float)):
            return said
        try:
            return self.text(str(said))
        except Exception:  # noqa: BLE001 - a task's objects raise anything
            return said  # which has no text that could hold a secret


def _texts(value: Any) -> Iterator[str]:
    """Every text and number in a JSON value."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield str(value)


def _parts(text: str) -> Iterator[str]:
    """What of a secret is worth looking for: all of it, and its lines."""
    lines = (line for line in text.splitlines() if len(line) >= SHORTEST_LINE)
    return (part for part in (text, text.strip(), *lines) if len(part) >= SHORTEST)


def _forms(part: str) -> Iterator[str]:
    yield from (part, repr(part)[1:-1], json.dumps(part)[1:-1])
    for safe in ("/", ""):  # half a character, which no address takes, is let be
        yield from (quote(part, safe, errors="replace"), quote_plus(part, safe, errors="replace"))
