"""`manage.py janitor`: sweeps until it is told to stop."""

import logging
import os
import signal
import socket
import threading
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from headway.conf import conf
from headway.lifecycle import delivery, janitor
from headway.lifecycle.lives import life, monitor
from headway.lifecycle.log import log

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Republishes, re-attempts and ends jobs that were left behind, and prunes the history."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="sweep once and end")

    def handle(self, *_: Any, **options: Any) -> None:
        """Runs until SIGTERM or SIGINT."""
        if options["once"]:
            while janitor.sweep():
                pass
            while delivery.deliver():
                pass
            return
        ended = threading.Event()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ended.set())
        name = f"{socket.gethostname()}/{os.getpid()}"
        life.begin()
        for work in (monitor.look_until, delivery.deliver_until):
            threading.Thread(target=work, args=(ended,), daemon=True).start()
        while not ended.is_set():
            _note(name)
            close_old_connections()
            if not _sweep():
                ended.wait(conf.JANITOR_EVERY)
        _leave(name)


def _sweep() -> bool:
    try:
        return janitor.sweep()
    except Exception:  # the janitor is who repairs others, so it goes on
        logger.exception("A sweep failed")
        return False


def _note(name: str) -> None:
    try:
        log().alive("janitor", name, {"life": life.name}, ttl=max(15.0, 3.0 * conf.JANITOR_EVERY))
    except redis.RedisError as error:
        logger.warning("Redis did not take the janitor's presence: %s", error)


def _leave(name: str) -> None:
    try:
        log().gone("janitor", name)
    except redis.RedisError as error:
        logger.warning("Redis did not take the janitor's leave: %s", error)
