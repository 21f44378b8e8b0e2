"""pytest fixtures for tests of a project's own tasks, available wherever the package is
installed."""

from typing import Any

import pytest


@pytest.fixture
def run_job(db: None) -> Any:
    """`headway.testing.run_job`, with a database."""
    from headway.testing import run_job

    del db
    return run_job


@pytest.fixture
def fake_time() -> Any:
    """A clock that stands still until a test says `advance`; give it to `run_job` as `clock`."""
    from headway.testing import FakeTime

    return FakeTime()
