"""The fenced code blocks of the README and of docs/, for tests that run them as they stand."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path for path in (ROOT / "README.md", *ROOT.glob("docs/*.md"))
}
FENCED = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One code block: its page, the line it begins in, its language and its text."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line} ({self.language or 'no language'})"


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page, such as "docs/clients.md", in these languages; without any, all."""
    text = PAGES[page].read_text()
    found = [
        Block(page, text.count("\n", 0, each.start()) + 1, each[1], each[2])
        for each in FENCED.finditer(text)
    ]
    return [each for each in found if each.language in languages or not languages]


def code(page: str, having: str) -> str:
    """The one block of a page with these words in it."""
    found = [each.code for each in blocks(page) if having in each.code]
    assert len(found) == 1, f"{len(found)} blocks of {page} have {having!r}"
    return found[0]
