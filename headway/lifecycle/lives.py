"""Which workers and janitors are alive on this machine, according to its kernel; jobs of dead
ones are given back."""

import logging
import secrets
import socket
import threading
from pathlib import Path

import redis
from django.db import Error, connections

from headway.lifecycle import lease
from headway.lifecycle.log import log
from headway.models import HELD, Job

logger = logging.getLogger(__name__)
EVERY = 1.0
"""Seconds between two looks of a janitor."""
PREFIX = "headway-life-"
"""Of abstract addresses (unix(7)). One is free again when all processes are gone that have
inherited its socket, and with its network namespace."""
SOCKETS = Path("/proc/net/unix")
DIED = "The worker process died"


class Life:
    """This process and all that it forks, from `begin` on."""

    def __init__(self) -> None:
        self.name = ""
        """Names it among all that there ever are; "" where there is nothing to tell it by."""

    def begin(self) -> None:
        """Shows that we live, for as long as we and our forks do. Only Linux can tell others."""
        name = secrets.token_hex(4)
        try:
            self._shown = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._shown.bind(f"\0{PREFIX}{name}")
        except OSError as error:
            logger.warning("If this process is killed, its jobs wait for their lease: %s", error)
            return
        self.name = name


class Monitor:
    """Somebody who looks, again and again. Says of a life that it is over only if it has seen it,
    in its own namespace: of all others it knows nothing, and their jobs wait for their lease."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def look(self) -> None:
        """Gives back what those held who have died since the last look. Raises nothing."""
        here = _shown_here()
        for life in self._seen - here:
            if _is_shown(life):  # the list may miss one while others come and go
                continue
            try:
                _bury(life)
            except (Error, redis.RedisError) as error:
                logger.warning("What worker %s held is not given back yet: %s", life, error)
                continue
            finally:
                connections.close_all()
            self._seen.discard(life)
        self._seen |= here

    def look_until(self, ended: threading.Event) -> None:
        """Looks every second, whatever else its process waits for."""
        while not ended.wait(EVERY):
            try:
                self.look()
            except Exception:  # the janitor is who repairs others, so it goes on
                logger.exception("The janitor could not look who lives")


life = Life()
monitor = Monitor()


def _shown_here() -> set[str]:
    try:
        lines = SOCKETS.read_text().splitlines()
    except OSError:  # no Linux, or nothing that we may see
        return set()
    return {line.rpartition(f" @{PREFIX}")[2] for line in lines if f" @{PREFIX}" in line}


def _is_shown(life: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as caller:
        try:
            caller.connect(f"\0{PREFIX}{life}")
        except ConnectionRefusedError:
            return False
        except OSError:  # whatever it is, it is no proof
            return True
    return True


def _bury(life: str) -> None:
    held = Job.objects.filter(status__in=HELD, worker__contains=f"/{life}/")
    for pk, worker in held.values_list("pk", "worker"):
        if lease.abandon(pk, DIED, worker=worker):
            logger.warning("Job %s: %s", pk, DIED)
    for role in ("worker", "janitor"):
        for name, info in log().who_is_alive(role).items():
            if info.get("life") == life:
                log().gone(role, name)
