"""The ASGI application that Daphne serves: Channels routes each protocol to its handler."""

import logging
import os
import tempfile

import django
from channels.routing import ProtocolTypeRouter
from django.conf import settings

from headway.checks import shortage
from headway.stream import descriptors
from headway.stream.http import EventStreamHandler
from headway.stream.shutdown import Lifespan
from headway.stream.ws import SocketHandler
from progress import bodies
from progress.checks import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")
django.setup(set_prefix=False)
require_sound_settings()
if sentence := shortage(descriptors.raise_limit()):
    logging.getLogger(__name__).warning("%s", sentence)
# Daphne and Django each keep the whole body of a request in a file: /tmp may be small, or memory
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
bodies.leave_to_django()

application = ProtocolTypeRouter(
    {"http": EventStreamHandler(), "websocket": SocketHandler(), "lifespan": Lifespan()}
)
