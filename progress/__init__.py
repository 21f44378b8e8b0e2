"""The Django project: settings, URLs, ASGI, Celery, and below them the stream engine."""
