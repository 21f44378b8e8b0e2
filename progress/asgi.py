"""The ASGI application that Daphne serves: Channels routes each protocol to its handler."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")

application = ProtocolTypeRouter({"http": get_asgi_application()})
