"""The naive build's pages: a start, and a stream that passes on what Pub/Sub brings."""

import os
from collections.abc import AsyncIterator

import redis.asyncio
from asgiref.sync import sync_to_async
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path

from tests.naive import site


async def healthz(request: HttpRequest) -> HttpResponse:
    """That it answers."""
    return HttpResponse("ok")


async def start(request: HttpRequest) -> HttpResponse:
    """Starts a job."""
    job = await sync_to_async(site.store)()
    site.send(job, "witness", ledger=os.devnull, seconds=0.1)
    return HttpResponse(status=202)


async def events(request: HttpRequest, job: str) -> HttpResponseBase:
    """Streams the messages of one job to who is signed in."""
    if not (await request.auser()).is_authenticated:
        return HttpResponse(status=401)
    return StreamingHttpResponse(frames(job), content_type="text/event-stream")


async def frames(job: str) -> AsyncIterator[str]:
    """Every message as an event."""
    async with redis.asyncio.from_url(site.REDIS) as client, client.pubsub() as channel:
        await channel.subscribe(job)
        async for message in channel.listen():
            if message["type"] != "message":
                continue
            text = message["data"].decode()
            if text == "done":
                yield "event: done\ndata:\n\n"
                return
            yield f"data: {text}\n\n"


urlpatterns = [
    path("healthz", healthz),
    path("start/", start),
    path("jobs/<str:job>/events/", events),
]
application = get_asgi_application()
