"""docs/look.md names what the style sheets have."""

import re
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/look.md").read_text()
STYLES = sorted(ROOT.glob("headway/static/headway/*.css"))
PLACED = {"admin.css"}
"""What is no page of the app's own."""
OWN = {"--status", "--bar-height", "--above", "--below", "--verbs", "--said", "--undo"}
"""Set by what they are about, not once for all."""


def test_every_colour_and_size_has_its_line() -> None:
    table = [line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `--")]
    named = re.findall(r"`(--[\w-]+)`", " ".join(table))
    text = "".join(sheet.read_text() for sheet in STYLES)
    themed = re.findall(r"^ +(--[\w-]+): var\(--headway-[\w-]+, ", text, re.MULTILINE)
    assert sorted(named) == sorted(themed)


def test_no_rule_uses_a_property_that_is_not_decided_there() -> None:
    for sheet in STYLES:
        used = set(re.findall(r"var\((--(?!headway-)[\w-]+)", sheet.read_text()))
        if sheet.name in PLACED:
            continue
        unknown = {name for name in used - OWN if f"`{name}`" not in PAGE}
        assert unknown == set(), sheet.name


def test_every_style_sheet_is_in_the_table() -> None:
    named = set(re.findall(r"^\| `headway/static/headway/(\w+\.css)` \|", PAGE, re.MULTILINE))
    assert named == {sheet.name for sheet in STYLES} - PLACED
