"""The examples of docs/clients.md."""

import re
from pathlib import Path

from django.conf import settings

PAGE = (Path(settings.BASE_DIR) / "docs/clients.md").read_text()


def snippets(language: str) -> list[str]:
    """The code blocks of the page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
