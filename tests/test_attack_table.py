"""docs/security.md has each attack once, and names tests that exist."""

import re
from pathlib import Path

from django.conf import settings

from tests.test_conformance import functions_of

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/security.md").read_text()
TABLE = PAGE.split("## Attacks")[1].split("\n## ")[0]
ATTACKS = re.findall(r"^\| (\w+) .+ \| (\w+) \| (.+) \|$", TABLE, re.MULTILINE)
TESTED = re.compile(r"`(tests/[\w/]+\.py):(test_\w+)`")
UNTESTED = {"45"}
"""docs/security.md says why."""


def test_every_test_that_the_page_names_exists() -> None:
    named = TESTED.findall(PAGE)
    assert len(named) > 80
    assert [f"{file}:{name}" for file, name in named if name not in functions_of(ROOT / file)] == []


def test_each_attack_has_its_row_and_its_test() -> None:
    wanted = [
        *(f"B{number}" for number in range(1, 7)),
        *(f"W{number}" for number in range(1, 23)),
        *(str(number) for number in range(1, 52)),
    ]
    found = [(name, test) for name, _, test in ATTACKS if re.fullmatch(r"[BW]?\d+", name)]
    assert [name for name, _ in found] == wanted
    assert {name for name, test in found if not TESTED.search(test)} == UNTESTED
    assert {verdict for _, verdict, _ in ATTACKS} == {"holds", "bounded", "weak"}


def test_the_numbers_of_inputs_are_those_of_the_tests() -> None:
    rows = re.findall(
        r"^\| [^|]+ \| ([\d,]+)[\w ]* \| ([\d,]+)[\w ]* \| `([\w/.]+):(\w+)` \|$",
        PAGE,
        re.MULTILINE,
    )
    assert len(rows) == 9
    for usual, thorough, file, name in rows:
        code = (ROOT / file).read_text().partition(f"def {name}(")[2].partition("\ndef ")[0]
        drawn = re.search(r"usual=(\d+),\s+thorough=([\d_]+)", code)
        assert drawn, name
        numbers = (int(usual.replace(",", "")), int(thorough.replace(",", "")))
        assert (int(drawn[1]), int(drawn[2])) == numbers, name
