"""The models fit their migrations, and what a release has migrated stays as it is."""

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.faults.test_two_releases import git
from tests.releases import KEPT, dump, migrated
from tests.support.thorough import Many

ROOT = Path(settings.BASE_DIR)


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", "headway", "jobs", "progress")


def test_no_migration_of_a_release_was_edited() -> None:
    tags = git("tag", "--list", "v*", "--sort=-v:refname", "--merged").decode().split()
    if not tags:
        pytest.skip("no release is tagged here: only the kept databases tell of an edit")
    listed = git("ls-tree", "-r", "--name-only", tags[0]).decode().split()
    released = [name for name in listed if "/migrations/0" in name and name.endswith(".py")]
    assert released
    edited = [
        name
        for name in released
        if not (ROOT / name).exists()
        or git("show", f"{tags[0]}:{name}") != (ROOT / name).read_bytes()
    ]
    assert edited == []


@pytest.mark.parametrize("release", sorted(KEPT.glob("*.sql")), ids=lambda path: path.stem)
def test_the_database_of_each_release_is_migrated_with_its_rows(release: Path) -> None:
    assert_whole(release.read_text())


def test_a_database_of_this_code_could_be_kept(many: Many) -> None:
    if not many(0, thorough=1):
        pytest.skip("takes five seconds: pytest --thorough")
    assert_whole(dump())


def assert_whole(sql: str) -> None:
    found = migrated(sql)
    assert found["statuses"] == ["failed", "queued", "running", "succeeded"]
    assert (found["headway.Job"], found["headway.Attempt"]) == (4, 4)
