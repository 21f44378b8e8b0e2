"""The same without the app's line."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bare.settings")
application = get_asgi_application()
