"""What is no stream of Headway is told in a sentence."""

import asyncio
from pathlib import Path

import pytest

from headway.doctor import listening
from headway.doctor.examination import examine
from headway.doctor.listening import NotReached
from tests.doctor.conftest import Way

TOLD = {
    "403": "403: refused",
    "404": "404: no Headway is below this address",
    "502": "502: a proxy or the site fails",
    "200": "200 with text/html: no stream of Headway",
    "hangs": "Nothing was answered within 2 s",
    "breaks": "It cannot be reached",
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """As the path says."""
    what = (await reader.readuntil(b"\r\n\r\n")).split(b"/")[1].decode()
    if what == "hangs":
        await reader.read()
    elif what != "breaks":
        head = f"HTTP/1.1 {what} Such\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
    writer.close()


async def told(url: str) -> str:
    with pytest.raises(NotReached) as refused:
        await examine(url, {})
    return str(refused.value)


async def everything() -> dict[str, str]:
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answers = await asyncio.gather(*(told(f"http://127.0.0.1:{port}/{what}") for what in TOLD))
    return dict(zip(TOLD, answers, strict=True))


def test_every_other_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "CONNECT", 2.0)
    for what, sentence in asyncio.run(everything()).items():
        assert sentence.startswith(TOLD[what])


def test_faults_of_tls_are_told(proxies: Path, addresses: dict[Way, str]) -> None:
    del proxies  # they are running
    with_tls, without = addresses[Way("nginx", "right")], addresses[Way("haproxy", "right")]
    assert asyncio.run(told(with_tls)).startswith("The certificate is not trusted: ")
    assert asyncio.run(told(without.replace("http:", "https:"))).startswith("TLS failed")
    assert asyncio.run(told("https://127.0.0.1:1")).startswith("It cannot be reached")
