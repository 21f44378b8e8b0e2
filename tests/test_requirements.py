"""What production installs is pinned, to the file; and asked for known weaknesses."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from tests.audit import LOCK, ask, verdict

ROOT = Path(settings.BASE_DIR)
PIN = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)", re.MULTILINE)
SOURCES = ("requirements.txt", "requirements-oidc.txt")


def test_production_is_pinned_by_hashes_of_the_same_versions() -> None:
    """`uv pip compile` of both, as the first lines of the lock say."""
    entries = LOCK.read_text().split("\n    # via")
    pinned = dict(PIN.findall(LOCK.read_text()))
    for name in SOURCES:
        for package, version in PIN.findall((ROOT / name).read_text()):
            assert pinned.pop(package, "") == version, f"{package}: make requirements.lock again"
    assert len(entries) > len(pinned)
    for entry in re.split(r"\n(?=[a-z])", LOCK.read_text())[1:]:
        assert "--hash=sha256:" in entry, entry


def test_the_image_installs_nothing_without_a_hash() -> None:
    text = (ROOT / "deploy/Dockerfile").read_text()
    assert re.findall(r"pip install (.+)", text) == [
        "--no-cache-dir --require-hashes --requirement requirements.lock"
    ]


def test_each_exception_from_the_rules_of_bandit_has_its_reason() -> None:
    files = [
        path
        for folder in ("headway", "jobs", "progress")
        for path in ROOT.glob(f"{folder}/**/*.py")
    ]
    lines = [line for path in files for line in path.read_text().splitlines()]
    assert [line for line in lines if re.search(r"noqa: S\d+\s*$", line)] == []


REPORT = {
    "dependencies": [
        {"name": "django", "version": "5.2.19", "vulns": []},
        {"name": "redis", "version": "8.1.0", "vulns": []},
    ],
    "fixes": [],
}
WEAKNESS = {"id": "PYSEC-2030-1", "fix_versions": ["5.2.20"], "aliases": [], "description": "x"}


def test_a_known_weakness_fails_and_says_where_it_is_mended() -> None:
    found = json.loads(json.dumps(REPORT))
    found["dependencies"][0]["vulns"] = [WEAKNESS]
    code, said = verdict(json.dumps(found), "Found 1 known vulnerability in 1 package")
    assert (code, said.splitlines()[1]) == (1, "django 5.2.19: PYSEC-2030-1, mended in 5.2.20")


def test_without_a_weakness_it_says_how_many_were_asked_for() -> None:
    assert verdict(json.dumps(REPORT), "") == (0, "2 packages have no known weakness.")


@pytest.mark.parametrize("report", ["", "<html>", "[]", json.dumps({"dependencies": None})])
def test_an_index_that_does_not_answer_is_no_finding_and_is_told(report: str) -> None:
    code, said = verdict(report, "ERROR: Connection refused\n")
    assert code == 0
    assert said.startswith("NOT CHECKED")


def test_a_real_answer_is_understood_wherever_it_comes_from(tmp_path: Path) -> None:
    """Of an index that is not there: the sentence is the real program's."""
    nothing = "http://127.0.0.1:9/"
    (tmp_path / "lock").write_text("django==5.2.19\n")
    report, said = ask(tmp_path / "lock", ["--vulnerability-service", "osv", "--osv-url", nothing])
    code, sentence = verdict(report, said)
    assert code == 0
    assert sentence.startswith("NOT CHECKED")
