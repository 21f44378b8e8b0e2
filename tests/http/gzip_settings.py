"""The settings of the site, and a middleware that compresses whatever it can."""

from progress.settings import *  # noqa: F403 - as they are

MIDDLEWARE.insert(0, "django.middleware.gzip.GZipMiddleware")  # noqa: F405 - from above
