"""A check for django-health-check, from 4.0 on: name `headway.health_check.Headway` among the
`checks` of its view."""

from dataclasses import dataclass
from datetime import timedelta

from health_check.base import HealthCheck
from health_check.exceptions import ServiceUnavailable, ServiceWarning

from headway.lifecycle import readiness


@dataclass
class Headway(HealthCheck):  # type: ignore[misc]  # it has no types
    """That all parts of an installation answer, as `manage.py health` says. `pages_only`: it is
    enough that pages work; jobs may wait."""

    pages_only: bool = False
    timeout = timedelta(seconds=5)

    def run(self) -> None:
        """Raises ServiceUnavailable or ServiceWarning, which name what is away."""
        found = readiness.look(self.timeout.total_seconds())
        away = [
            part
            for part in ("database", "migrations", "redis", "broker", "workers", "janitor")
            if not found[part]
        ]
        if found["status"] == "unavailable":
            raise ServiceUnavailable(f"away: {', '.join(away)}")
        if found["status"] == "degraded" and not self.pages_only:
            raise ServiceWarning(f"degraded, away: {', '.join(away)}")
