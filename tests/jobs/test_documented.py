"""Examples of docs/writing-tasks.md do what the page says."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from headway.kinds import parameters
from tests.jobs.documented import blocks


def example(having: str) -> dict[str, Any]:
    """What the one example with these words defines."""
    [code] = [block for block in blocks if having in block]
    names: dict[str, Any] = {"__name__": __name__}
    exec(code, names)  # noqa: S102 - our own documentation
    return names


def test_parameters_are_revived(alice: User) -> None:
    remind = example("def remind")["remind"]
    given = {"customer": alice, "due": date(2026, 1, 2), "fees": [Decimal("1.10"), Decimal("2.20")]}
    takes = remind.job_signature
    revived = parameters.revived(takes, parameters.stored("remind", takes, given))
    assert revived == given
    assert remind(**revived) == "alice: 3.30 on 02 January"
