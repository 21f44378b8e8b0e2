"""Run on an island: reads streams until their snapshots have come, says so, and stays."""

import os
import signal
import sys

from tests.support.sockets import open_stream, read_until

if __name__ == "__main__":
    opened = [open_stream(url, os.environ["TOKEN"]) for url in sys.argv[1:]]
    for each in opened:
        read_until(each, b"event: snapshot")
    sys.stdout.write("reading\n")
    signal.pause()
