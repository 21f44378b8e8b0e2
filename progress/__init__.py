"""The Django project: settings, URLs, ASGI and Celery entry points, and the stream engine below them."""
