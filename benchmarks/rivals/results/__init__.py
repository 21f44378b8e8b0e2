"""Celery as it comes, and with django-celery-results, set up as its documentation says."""
