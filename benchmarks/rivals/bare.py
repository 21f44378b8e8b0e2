"""The floor: an asyncio server that writes whatever is POSTed to it to every open GET, and does
nothing else. `python -m benchmarks.rivals.bare PORT`."""

import asyncio
import sys
from typing import cast

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: hello\n\n"


class Bare(asyncio.Protocol):
    """One connection; a POST's body must come in one piece with a Content-Length."""

    viewers: set[asyncio.Transport] = set()  # noqa: RUF012 - one set for all connections, on purpose

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET"):
            self.buffer = b""
            self.transport.write(HEAD)
            self.viewers.add(self.transport)
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self.buffer = body[length:]
        for viewer in self.viewers:
            viewer.write(b"data: " + body[:length] + b"\n\n")
        self.transport.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self.viewers.discard(self.transport)


async def serve(port: int) -> None:
    """Serves for ever."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
