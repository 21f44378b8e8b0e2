"""`python -m tests.audit`: asks for known weaknesses of what production installs.

Fails on a finding. Where no index of weaknesses answers, as on a machine without the network, it
says so and passes: that is no news about the packages.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "requirements.lock"
TIMEOUT = 120
"""Seconds for all answers."""


def ask(lock: Path = LOCK, more: Sequence[str] = ()) -> tuple[str, str]:
    """What pip-audit writes: its report in JSON, and what it says beside it."""
    options = ("--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", "--requirement", str(lock), *options, *more],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer in {TIMEOUT} seconds"
    return done.stdout, done.stderr


def verdict(report: str, said: str) -> tuple[int, str]:
    """An exit code, and what to print."""
    try:
        found: list[dict[str, Any]] = [*json.loads(report)["dependencies"]]
    except (ValueError, KeyError, TypeError):
        last = said.strip().rpartition("\n")[2] or "nothing at all"
        return 0, f"NOT CHECKED for known weaknesses: pip-audit says: {last}"
    weak = [
        f"{each['name']} {each['version']}: {weakness['id']}, mended in"
        f" {', '.join(weakness['fix_versions']) or 'no release yet'}"
        for each in found
        for weakness in each.get("vulns", ())
    ]
    if weak:
        return 1, "\n".join(
            ["Known weaknesses:", *weak, "Upgrade, and make requirements.lock again."]
        )
    unknown = sum("skip_reason" in each for each in found)
    if unknown:
        return (
            0,
            f"NOT CHECKED for known weaknesses: {unknown} of {len(found)} packages are unknown.",
        )
    return 0, f"{len(found)} packages have no known weakness."


if __name__ == "__main__":
    code, sentence = verdict(*ask())
    print(sentence)  # noqa: T201 - what it is for
    raise SystemExit(code)
