"""Examines the site's own streams for staff, through the address at which their request came."""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.request import split_domain_port
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from headway.conf import conf
from headway.lifecycle.log import log
from headway.lifecycle.threads import Threads

logger = logging.getLogger(__name__)
ROLE, PARTS = "doctor", ("examination", "listening")
with_httpx = find_spec("httpx") is not None
"""It brings a hundred modules and 5 MB, so the doctor is imported with the first examination."""
LONGEST = 60.0
"""Seconds of silence that are waited for at most."""
LIMIT = LONGEST + 30
"""Seconds that an examination may take."""
SPENT = 5
"""Seconds that an examination takes beside one silence between signs of life, about."""
KEPT = 3600.0
"""Seconds for which the findings are shown."""
LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""The hosts that Django serves under DEBUG where no others are named."""
REFUSED = (
    "The address of this page is not literally one of ALLOWED_HOSTS, at a port that is known, so "
    "the server does not call it. Run manage.py stream_doctor instead."
)
AWAY = "Redis cannot be asked at the moment. Try again later."
_threads = Threads("doctor", 1)


def examination_page(request: HttpRequest, context: Mapping[str, Any]) -> HttpResponse:
    """Shows the newest examination; a POST starts one."""
    refused, newest = "", {}
    if request.method == "POST":
        refused = begin(request)
        if not refused:
            return HttpResponseRedirect(request.path)
    try:
        newest = dict(latest(request))
    except redis.RedisError:
        refused = refused or AWAY
    shown = {
        **context,
        "title": gettext("Examine streams"),
        "refused": refused,
        "latest": newest,
        "seconds": conf.STREAM_KEEPALIVE + SPENT,
    }
    return TemplateResponse(request, "admin/headway/job/doctor.html", shown)


def begin(request: HttpRequest) -> str:
    """Starts an examination in a thread, so that the server can answer it; a sentence where it
    cannot. There is one at a time in each process, and for each person."""
    site = own_address(request)
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not with_httpx:
        return 'This needs httpx: pip install "django-headway[doctor]" on the server.'
    if site is None or cookie is None:
        return REFUSED
    who = str(request.user.pk)
    try:
        if latest(request).get("running"):
            return ""
        log().alive(ROLE, who, {"running": True, "site": site}, LIMIT + 10)
    except redis.RedisError:
        return AWAY
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"}
    if not _threads.run(partial(_work, who, site, headers)):
        log().gone(ROLE, who)
        return gettext("Another examination is running. Try again in a minute.")
    return ""


def latest(request: HttpRequest) -> Mapping[str, Any]:
    """The newest examination of this person: `site`, and `running`, `error` or `findings`; empty
    where there is none. Raises redis.RedisError."""
    return log().who_is_alive(ROLE).get(str(request.user.pk), {})


def own_address(request: HttpRequest) -> str | None:
    """The address of the site as this request came to it, if the settings name it: a pattern of
    hosts, or any port, would let a request choose where the server connects to."""
    host = request.get_host()
    domain, port = split_domain_port(host)
    hosts = settings.ALLOWED_HOSTS or (LOCAL if settings.DEBUG else ())
    origin = f"{request.scheme}://{host}"
    ports = ("", str(request.META.get("SERVER_PORT", "")))
    known = port in ports or origin in settings.CSRF_TRUSTED_ORIGINS
    if not known or domain not in {each.lower() for each in hosts}:
        return None
    return origin + reverse("headway:my_events").removesuffix("/events/")


def _work(who: str, site: str, headers: dict[str, str]) -> None:
    try:
        note = _examined(site, headers)
    except Exception:
        logger.exception("An examination failed")
        note = {"error": "The examination failed; the log of this process says why."}
    try:
        log().alive(ROLE, who, note | {"site": site}, KEPT)
    except redis.RedisError:
        logger.warning("What the doctor found could not be kept")


def _examined(site: str, headers: dict[str, str]) -> dict[str, Any]:
    heartbeat = min(float(conf.STREAM_KEEPALIVE), LONGEST)
    doctor, listening = map(import_module, (f"headway.doctor.{each}" for each in PARTS))

    async def bounded() -> Any:
        async with asyncio.timeout(LIMIT):
            return await doctor.examine(site, headers, heartbeat=heartbeat)

    try:
        found = asyncio.run(bounded())
    except listening.NotReached as problem:
        return {"error": str(problem)}
    except TimeoutError:
        return {"error": f"It took longer than {LIMIT:g} s."}
    return {"findings": [{**each._asdict(), "cures": dict(each.cures)} for each in found]}
