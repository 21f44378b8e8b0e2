"""Daphne with its own options, on uvloop's event loop where that is installed: \
`python -m headway.ops.daphne project.asgi:application`. It costs a fifth less there."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

from twisted.internet import asyncioreactor

try:
    from uvloop import new_event_loop
except ImportError:
    from asyncio import new_event_loop


def main() -> None:
    """Serves until it is told to end."""
    loop = new_event_loop()
    if threads := os.environ.get("ASGI_THREADS"):  # as Daphne has it, whose loop this stands for
        loop.set_default_executor(ThreadPoolExecutor(max_workers=int(threads)))
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]  # Twisted's
    sys.argv[0] = "daphne"
    import_module("daphne.cli").CommandLineInterface.entrypoint()  # which uses what is installed


if __name__ == "__main__":
    main()
