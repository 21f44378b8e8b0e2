"""Bodies of requests while they arrive."""

import contextlib
import socket
from pathlib import Path

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


def _deleted_files(pid: int) -> list[Path]:
    """The nameless temporary files that a process has open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.append(link.readlink())
    return [path for path in found if path.name.endswith("(deleted)")]
