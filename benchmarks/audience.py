"""Viewers at another address, in a process of their own: `python -m benchmarks.audience HOST FILE`
connects them all (FILE: JSON, the port and their requests), prints `connected`, and answers each
line, the id of an event, with how many of them it has reached."""

import gc
import json
import resource
import sys
from pathlib import Path

from benchmarks.viewers import Viewers


def main(host: str, file: str) -> None:
    """Connects and listens until its standard input ends."""
    gc.disable()  # as in the benchmark itself
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    port, requests = json.loads(Path(file).read_text())
    viewers = Viewers([(port, request.encode()) for request in requests], host)
    viewers.connect(seconds=300)
    _say("connected")
    asked: list[str] = []
    while True:
        viewers.watch(sys.stdin.fileno(), lambda: asked.append(sys.stdin.readline()))
        viewers.listen(lambda: bool(asked), 600)
        if not asked or not (line := asked.pop().strip()):
            return
        viewers.quiet(0.5, 30)
        _say(str(sum(int(line) in viewer.ids() for viewer in viewers.all)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
