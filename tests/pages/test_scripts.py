"""The app's scripts: what they import, and the names that they share with Python."""

import re
from pathlib import Path

from django.conf import settings

from headway.stream.event import KINDS, NAMES
from headway.web.scripts import ENTRY, MODULES
from tests.support.protocol import SCHEMAS

STATIC = Path(settings.BASE_DIR) / "headway/static"
LIVE = STATIC / "headway/live"
IMPORT = re.compile(r"""^import (?:\{[^}]*\} from )?'(\./[\w/.]+)';$""", re.MULTILINE)


def imported(path: Path) -> set[Path]:
    """All modules that a module imports, directly or not."""
    found: set[Path] = set()
    for name in IMPORT.findall(path.read_text()):
        module = (path.parent / name).resolve()
        found |= {module} | imported(module)
    return found


def test_a_page_preloads_all_that_its_script_imports() -> None:
    assert {path.stem for path in imported(STATIC / ENTRY)} == set(MODULES)


def test_every_export_is_imported_somewhere() -> None:
    texts = {path: path.read_text() for path in [*LIVE.glob("*.js"), STATIC / "headway/live.js"]}
    wanted = {
        name.split(" as ")[0].strip()
        for text in texts.values()
        for names in re.findall(r"^import \{([^}]*)\}", text, re.MULTILINE)
        for name in names.split(",")
    }
    given = {
        name
        for text in texts.values()
        for name in re.findall(r"^export (?:const|function) (\w+)", text, re.MULTILINE)
    }
    assert given - wanted == {"follow"}


def test_the_names_of_events_are_those_of_the_definition() -> None:
    listed = {"KINDS": KINDS, "NAMES": NAMES}
    head = "/* The names of events, from headway/stream/event.py (tests/pages/test_scripts.py). */"
    lines = [f"export const {name} = {sorted(names)};" for name, names in listed.items()]
    assert (LIVE / "events.js").read_text() == "\n".join([head, *lines, ""])
    assert SCHEMAS.keys() == NAMES
