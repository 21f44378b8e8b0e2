"""The address of metrics, for Prometheus: `path("", include("headway.metrics"))`. It is closed
until `HEADWAY["METRICS_TOKEN"]` is set, and to all who do not send that."""

import asyncio

from django.http import HttpRequest, HttpResponse, HttpResponseNotFound
from django.urls import path
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from headway.conf import conf
from headway.lifecycle import census
from headway.metrics.families import exposition
from headway.web import streams


@never_cache
@require_safe
async def metrics(request: HttpRequest) -> HttpResponse:
    """What `headway.metrics.families` names, within a second whatever hangs, in the format that is
    asked for: Prometheus' own, or OpenMetrics."""
    if not conf.METRICS_TOKEN:
        return HttpResponseNotFound("Not found\n", content_type="text/plain")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token, conf.METRICS_TOKEN):
        refusal = HttpResponse("Send METRICS_TOKEN.\n", content_type="text/plain", status=401)
        refusal["WWW-Authenticate"] = 'Bearer realm="metrics"'
        return refusal
    tally = streams.tally()
    found = await asyncio.to_thread(census.take)
    body, content_type = exposition(found, tally, request.headers.get("Accept", ""))
    return HttpResponse(body, headers={"Content-Type": content_type})


metrics.any_host = True  # type: ignore[attr-defined]  # for headway.probes.any_host
urlpatterns = [path("metrics", metrics, name="metrics")]
