"""The rival's ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.rivals.eventstream.settings"
application = get_asgi_application()
