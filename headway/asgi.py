"""The ASGI application for any project, with one line in its asgi.py:

from headway.asgi import get_asgi_application  # in place of Django's
"""

import gc
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import django
from django.utils.module_loading import import_string

from headway.checks import shortage
from headway.stream import descriptors
from headway.stream.shutdown import Lifespan
from headway.stream.ws import SocketHandler

try:
    from channels.routing import ProtocolTypeRouter as Protocols
except ImportError:

    class Protocols:  # type: ignore[no-redef]  # the same, for projects without Channels
        """Hands each connection to the handler of its protocol."""

        def __init__(self, application_mapping: dict[str, Any]) -> None:
            self.application_mapping = application_mapping

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            """Serves one connection (ASGI 3). Raises KeyError for a protocol that nobody serves."""
            await self.application_mapping[scope["type"]](scope, receive, send)


logger = logging.getLogger(__name__)
Application = Callable[[Any, Any, Any], Awaitable[None]]


def get_asgi_application() -> Application:
    """Django's application, whose event streams cost their socket alone, with WebSockets and an
    orderly end. A project with WebSockets of its own routes "http" and "lifespan" here."""
    django.setup(set_prefix=False)
    if sentence := shortage(descriptors.raise_limit()):
        logger.warning("%s", sentence)
    handler = import_string("headway.web.admission.Handler")  # which has models: not before setup
    application: Application = Protocols(
        {"http": handler(), "websocket": SocketHandler(), "lifespan": Lifespan()}
    )
    if "daphne.http_protocol" in sys.modules:  # it serves; importing it makes Twisted's event loop
        import_string("headway.ops.daphne_requests.install")()
        import_string("headway.ops.daphne_shutdown.install")()
        application.reads_body_files = True  # type: ignore[attr-defined]  # asked by its requests
    # What there is by now stays; looking through all of it for garbage, as is done once in a while,
    # stops every stream for 100 ms.
    gc.collect()
    gc.freeze()
    return application
