"""The ASGI application that Daphne serves."""

import os
import tempfile

import django
from django.conf import settings

from headway.asgi import get_asgi_application
from progress.checks import require_sound_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "progress.settings")
django.setup(set_prefix=False)
require_sound_settings()
application = get_asgi_application()
# Daphne and Django each keep the whole body of a request in a file: /tmp may be small, or memory
tempfile.tempdir = str(settings.FILE_UPLOAD_TEMP_DIR)
