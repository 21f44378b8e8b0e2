"""What a release has in it, and how many packages come with it."""

import email
import importlib.metadata
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from headway import __version__
from tests.support.distribution import Distribution, built

ROOT = Path(settings.BASE_DIR)
MAX_DISTRIBUTIONS = 75
"""Distributions that `pip install -r requirements.txt` installs at most."""
DATA = ("append.lua", "epoch.lua", "py.typed", "templates/", "static/", "migrations/", "locale/")
"""What a wheel is easily built without."""
CLASSIFIERS = {
    *(f"Framework :: Django :: {version}" for version in ("5.2", "6.0", "6.1")),
    *(f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13, 14)),
    "Typing :: Typed",
}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    return built(tmp_path_factory)


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """Every file of the checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("No checkout")  # but an unpacked sdist
    return {*listed.stdout.splitlines()}


def test_an_index_takes_both(distribution: Distribution) -> None:
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, distribution)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_wheel_has_all_of_the_app_and_nothing_else(
    distribution: Distribution, tracked: set[str]
) -> None:
    with zipfile.ZipFile(distribution.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    app = {name for name in tracked if name.startswith("headway/")}
    assert names == app
    for part in DATA:
        there = any(name.startswith(f"headway/{part}") or name.endswith(part) for name in app)
        assert there or not [*ROOT.glob(f"headway/**/{part}")]
    assert {"headway/py.typed", "headway/stream/append.lua", "headway/stream/epoch.lua"} <= names


def test_the_sdist_has_what_builds_and_tests_it(
    distribution: Distribution, tracked: set[str]
) -> None:
    with tarfile.open(distribution.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert tracked <= names
    assert names - tracked == {"PKG-INFO"}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        [name] = [name for name in files.namelist() if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(files.read(name))


def test_it_says_whose_it_is_and_what_it_runs_on(distribution: Distribution) -> None:
    said = metadata(distribution.wheel)
    assert (said["Name"], said["Version"]) == ("django-headway", __version__)
    assert (said["License-Expression"], said["License-File"]) == ("MIT", "LICENSE")
    assert set(said.get_all("Classifier", [])) >= CLASSIFIERS
    assert said.get_all("Project-URL")
    assert said.get_all("Provides-Extra") == [
        "client",
        "doctor",
        "metrics",
        "opentelemetry",
        "s3",
        "secrets",
        "server",
    ]
    assert said["Requires-Python"] == ">=3.11"


def needed(requirement: Requirement, seen: set[tuple[str, str]]) -> None:
    """Adds a distribution, with an extra or without, and all that it needs, as installed here."""
    for extra in ("", *requirement.extras):
        key = (canonicalize_name(requirement.name), extra)
        if key not in seen:
            seen.add(key)
            for line in importlib.metadata.requires(requirement.name) or ():
                below = Requirement(line)
                if below.marker is None or below.marker.evaluate({"extra": extra}):
                    needed(below, seen)


def test_the_site_depends_on_few() -> None:
    lines = re.findall(r"^[a-z].*", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    seen: set[tuple[str, str]] = set()
    for wanted in map(Requirement, lines):
        if wanted.marker is None or wanted.marker.evaluate():
            needed(wanted, seen)
    assert len({name for name, _ in seen}) <= MAX_DISTRIBUTIONS
