"""Programs of the system that some tests need."""

import os
import shutil

import pytest


def program(name: str, package: str = "") -> str:
    """Where a program is. Without it tests skip on a laptop and fail in CI."""
    found = shutil.which(name, path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None:
        missing = f"{name} is missing: apt-get install {package or name}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return found
