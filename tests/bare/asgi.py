"""The project's ASGI application."""

import os

from headway.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bare.settings")
application = get_asgi_application()
