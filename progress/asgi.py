"""The ASGI application that Daphne serves: Channels routes each protocol to its handler."""

import os

import django
from channels.routing import ProtocolTypeRouter

from progress.checks import require_sound_settings
from progress.stream.http import EventStreamHandler

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")
django.setup(set_prefix=False)
require_sound_settings()

application = ProtocolTypeRouter({"http": EventStreamHandler()})
