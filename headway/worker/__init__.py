"""One attempt at a job in a Celery worker process."""
