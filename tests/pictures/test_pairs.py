"""The page on what changed has each pair that is photographed, and the pictures that it shows."""

import re

from tests.pictures.then import CUT_OFF, DOCS, PAIRS, WITHOUT_REDIS, WITHOUT_WORKER
from tests.support.pages import ROOT

PAGE = (ROOT / "docs/before-and-after.md").read_text()


def test_every_pair_is_in_the_table() -> None:
    first = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = [name for cell in first for name in re.findall(r"`([^`]+)`", cell)]
    assert sorted(named) == sorted(PAIRS | CUT_OFF | WITHOUT_REDIS | WITHOUT_WORKER)


def test_the_pictures_are_those_of_the_page() -> None:
    shown = re.findall(r"\(pictures/pairs/(\S+)\.webp\)", PAGE)
    made = [f"{side}-{name}" for name in DOCS for side in ("before", "today")]
    there = [path.stem for path in (ROOT / "docs/pictures/pairs").iterdir()]
    assert sorted(shown) == sorted(made) == sorted(there)
