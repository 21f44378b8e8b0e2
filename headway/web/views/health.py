"""What load balancers, `up` and people ask: is this process alive, is the installation ready."""

from django.contrib.auth import get_user_model
from django.db import Error, connections, router
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from headway.lifecycle import database
from headway.lifecycle.log import glance


@never_cache
async def healthz(_: HttpRequest) -> HttpResponse:
    """200 as long as this process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(_: HttpRequest) -> JsonResponse:
    """Which parts are there; 503 when the database or Redis is away.

    `{"database": bool, "redis": bool, "workers": int, "janitor": bool}`
    """
    parts = {"database": _database(), **_presence()}
    status = 200 if parts["database"] and parts["redis"] else 503
    return JsonResponse(parts, status=status)


def _database() -> bool:
    try:
        for alias in {database.alias(), router.db_for_read(get_user_model())}:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _presence() -> dict[str, bool | int]:
    roles = ("worker", "janitor")
    found = glance().read(lambda log: [len(log.who_is_alive(role)) for role in roles])
    workers, janitors = found or (0, 0)
    return {"redis": found is not None, "workers": workers, "janitor": bool(janitors)}
