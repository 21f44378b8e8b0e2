"""Tasks of Django 6."""

from django.tasks import task  # type: ignore[import-not-found,unused-ignore]


@task
def count_up(count: int) -> int:
    """Counts."""
    return sum(range(count))


@task
def breaks() -> None:
    """Fails."""
    raise RuntimeError("secret")
