"""docs/conformance.md names tests and cases that exist, and all cases."""

import ast
import re
from pathlib import Path

from django.conf import settings

from tests.stream.sse_cases import CASES

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs/conformance.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 40
    missing = {f"{file}::{name}" for file, name in named if name not in functions_of(ROOT / file)}
    assert missing == set()


def functions_of(path: Path) -> set[str]:
    """The functions of a file."""
    tree = ast.parse(path.read_text())
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_page_lists_every_case_of_the_codec_and_no_other() -> None:
    rows = re.findall(r"^\| 9\.2\.\d \| (.+) \| (.*) \|$", PAGE, re.MULTILINE)
    listed = [f"{name} [{wpt}]" if wpt else name for name, wpt in rows]
    assert listed == [case.name for case in CASES]
