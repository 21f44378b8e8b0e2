"""The ASGI application that Daphne serves: Channels routes each protocol to its handler."""

import os
import tempfile

import django
from channels.routing import ProtocolTypeRouter
from django.conf import settings

from headway.stream.http import EventStreamHandler
from headway.stream.shutdown import Lifespan
from headway.stream.ws import SocketHandler
from progress import bodies
from progress.checks import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")
django.setup(set_prefix=False)
require_sound_settings()
# Daphne and Django each keep the whole body of a request in a file: /tmp may be small, or memory
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
bodies.leave_to_django()

application = ProtocolTypeRouter(
    {"http": EventStreamHandler(), "websocket": SocketHandler(), "lifespan": Lifespan()}
)
