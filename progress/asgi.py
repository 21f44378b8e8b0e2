"""The ASGI application that Daphne serves: Channels routes each protocol to its handler."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

from progress.checks import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")

django_application = get_asgi_application()
require_sound_settings()

application = ProtocolTypeRouter({"http": django_application})
