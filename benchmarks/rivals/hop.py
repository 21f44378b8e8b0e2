"""The least that a web process in Python has to do: redis-py's asyncio subscriber, whose messages
go to the sockets that asked for their channel. `python -m benchmarks.rivals.hop PORT URL`."""

import asyncio
import sys
from typing import Any

import redis.asyncio

from benchmarks.rivals.bare import HEAD


async def serve(port: int, url: str) -> None:
    """Serves for ever; `GET /CHANNEL` follows one channel."""
    pubsub: Any = redis.asyncio.Redis.from_url(url).pubsub(ignore_subscribe_messages=True)
    writers: dict[bytes, asyncio.StreamWriter] = {}

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        channel = head.split(b" ")[1].removeprefix(b"/")
        await pubsub.subscribe(channel)
        writers[channel] = writer
        writer.write(HEAD)

    await pubsub.subscribe(b"nothing")
    server = await asyncio.start_server(accept, "127.0.0.1", port, backlog=4096)
    async for message in pubsub.listen():
        if writer := writers.get(message["channel"]):
            writer.write(b"data: " + message["data"] + b"\n\n")
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
