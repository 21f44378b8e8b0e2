"""What load balancers and people ask: is this process alive, is the installation ready."""

import asyncio

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from headway.lifecycle import readiness


@never_cache
async def healthz(_: HttpRequest) -> HttpResponse:
    """200 as long as this process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
async def readyz(_: HttpRequest) -> JsonResponse:
    """Which parts are there, as `headway.lifecycle.readiness.Readiness`, within 300 ms; 503 when
    no page would work."""
    found = await asyncio.to_thread(readiness.look)
    return JsonResponse(found, status=503 if found["status"] == "unavailable" else 200)
