"""Bodies of requests while they arrive."""

import contextlib
import re
import socket
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests.support.processes import wait_until
from tests.support.stack import Web


@pytest.mark.usefixtures("transactional_db")
def test_a_large_body_is_kept_beside_the_data_while_it_arrives(web: Web) -> None:
    head = (
        "POST /jobs/start/simulate/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", web.port)) as client:
        client.sendall(head.encode() + b"x" * 1_000_000)
        [kept] = wait_until(lambda: _deleted_files(web.pid))
    assert kept.is_relative_to(settings.FILE_UPLOAD_TEMP_DIR)


@pytest.mark.usefixtures("transactional_db")
def test_the_web_server_leaves_forms_to_django(web: Web) -> None:
    """Twisted would parse them on the event loop, and answer what is malformed by itself."""
    headers = {"Content-Type": "multipart/form-data; boundary=a", "Accept": "application/json"}
    answer = httpx.post(f"{web.url}/healthz", content=b"a=1&b=2", headers=headers)
    assert "Content-Type" in answer.headers
    before = _peak(web.pid)
    answer = httpx.post(f"{web.url}/nowhere", content=b"a" * 2_900_000, headers=headers)
    assert answer.status_code in (403, 404)
    assert _peak(web.pid) - before < 20_000_000


def _peak(pid: int) -> int:
    """Bytes of memory that a process has had at most."""
    [line] = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(line) * 1024


def _deleted_files(pid: int) -> list[Path]:
    """The nameless temporary files that a process has open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(link.readlink())
    return [path for path in found if path.name.endswith("(deleted)")]
