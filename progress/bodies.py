"""Keeps Daphne from parsing forms, which Django does. Twisted would parse the body of each
form, from any sender, in the event loop's thread and with twelve times its size in memory, and
discard the result."""

import sys
from typing import Any


def leave_to_django() -> None:
    """Under Daphne, requests of a kind that leave their bodies alone; elsewhere nothing."""
    protocol: Any = sys.modules.get("daphne.http_protocol")
    if protocol is None:
        return
    web_request: Any = protocol.WebRequest

    class UnparsedRequest(web_request):  # type: ignore[misc]  # Twisted gives it no type
        """Daphne's own, but for an argument of Twisted's that it does not give."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, parsePOSTFormSubmission=False, **options)

    protocol.WebRequest = UnparsedRequest
