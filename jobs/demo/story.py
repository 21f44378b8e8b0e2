"""What one job of the demo has been through."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headway.models import Status

Warned = tuple[str, str]
"""An item, and what was wrong with it."""
Ending = tuple[Status, str, float]
"""Of an earlier attempt: its status, the reason, and the seconds that it took."""


@dataclass(frozen=True)
class Story:
    """Times are in seconds, but for `ago`, which is in hours before now; `name` is the story's own
    and stays the same, as the job's id is made of it."""

    name: str
    kind: str
    title: str
    status: Status
    ago: float
    who: int = 0
    """Which of the three people."""
    params: Mapping[str, Any] = field(default_factory=dict)
    upload: str = ""
    """What the file among the parameters is called."""
    waited: float = 2.0
    took: float = 40.0
    percent: float | None = 100.0
    total: float | None = None
    message: str = ""
    phases: Sequence[str] = ()
    lines: Sequence[str] = ()
    warnings: Sequence[Warned] = ()
    reason: str = ""
    refused: bool = False
    error: str = ""
    result: Any = None
    files: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[Ending] = ()
    max_attempts: int = 3
    due_in: float | None = None
    verbs: Sequence[tuple[str, str]] = ()
    """What people did to it, and what it became."""
