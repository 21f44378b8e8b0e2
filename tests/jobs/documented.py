"""The task of docs/writing-tasks.md that ends by itself, as it stands there, for workers, too."""

import re
import time
from pathlib import Path

from headway import job_task, progress

__all__ = ["job_task", "progress"]

PAGE = Path(__file__).parents[2] / "docs/writing-tasks.md"


def check(row: int) -> bool:
    """What the example leaves to its reader; takes its time."""
    time.sleep(0.1)
    return row % 2 == 0


blocks = re.findall(r"^```python\n(.+?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)
[code] = [block for block in blocks if "if progress.cancelled" in block]
exec(compile(code, PAGE, "exec"))  # noqa: S102 - our own documentation
