"""What a kind of job is: registry, parameters, Celery options. Knows no row."""
