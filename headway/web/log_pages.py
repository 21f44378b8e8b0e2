"""Pages of an attempt's log: the lines between two numbers, or those that a search finds."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from headway.lifecycle import whole_log
from headway.stream.event import Line

PAGE = 500
"""Lines of one page at most."""
LAST = 200
"""Lines of a page without a script."""
MAX_CHUNKS = 25
"""Of 2,000 lines, that one answer looks through."""
MAX_TEXT = 200
WARNINGS = frozenset({"warning", "error"})


@dataclass(frozen=True)
class LogPage:
    """Lines in order; `before` is the number before which to go on, None at the beginning."""

    lines: Sequence[Line]
    before: int | None = None


@dataclass(frozen=True)
class Search:
    """What is looked for in a log: a text, in whichever case, or warnings and errors alone."""

    text: str = ""
    warnings: bool = False

    @classmethod
    def read(cls, text: str | None, level: str | None) -> "Search":
        """From what an address says."""
        return cls((text or "").strip()[:MAX_TEXT], level == "warning")

    def __bool__(self) -> bool:
        return bool(self.text or self.warnings)

    def likely(self) -> Callable[[str], bool]:
        """Tells of a line as it is stored, as JSON, whether it may be one: reading all of a log to
        find a few lines takes ten times as long."""
        text = json.dumps(self.text.casefold())[1:-1] if self.text.isascii() else ""
        levels = [f'"level":"{each}"' for each in WARNINGS] if self.warnings else [""]
        return lambda line: any(each in line for each in levels) and text in line.casefold()

    def among(self, lines: Iterable[Line]) -> list[Line]:
        """Those of `lines` that it finds."""
        text = self.text.casefold()
        return [
            line
            for line in lines
            if (not self.warnings or line["level"] in WARNINGS)
            and (not text or text in line["text"].casefold())
        ]


def between(job: uuid.UUID, number: int, after: int | None, before: int | None) -> LogPage:
    """The lines after one and before another, or as many as a page has. Raises
    Attempt.DoesNotExist."""
    if after is None:
        first = max(0, (before or 1) - 1 - PAGE)
        lines = [*chain(*whole_log.read(job, number, after=first, before=before))][-PAGE:]
    else:
        pieces = whole_log.read(job, number, after=after, before=before)
        lines = [*islice(chain.from_iterable(pieces), PAGE)]
    return LogPage(lines, lines[0]["n"] if lines and lines[0]["n"] > 1 else None)


def found(
    job: uuid.UUID, number: int, search: Search, before: int | None = None, count: int = PAGE
) -> LogPage:
    """The last `count` lines that a search finds before a line, as far as one answer looks. Raises
    Attempt.DoesNotExist."""
    lines: list[Line] = []
    pieces = whole_log.backwards(job, number, before, search.likely())
    for looked, (piece, first) in enumerate(pieces):
        lines = search.among(piece) + lines
        if len(lines) > count:
            return LogPage(lines[-count:], lines[-count]["n"])
        if looked >= MAX_CHUNKS and first > 1:
            return LogPage(lines, first)
    return LogPage(lines)
