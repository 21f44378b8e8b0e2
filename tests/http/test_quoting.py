"""Errors quote what a caller sent, and a large request gets no larger answer."""

from collections.abc import Iterator

import httpx
import pytest

from tests.http.conftest import Moving
from tests.support.stack import Web
from tests.ws.client import Client

UNKNOWN = {f"unknown-{number}": number for number in range(100_000)}
LONG = "x" * 2_000_000
BODIES = [UNKNOWN, {LONG: 1}, {"seconds": LONG}, {"seconds": {LONG: 1}}, {"fail_at": [LONG]}]


@pytest.mark.parametrize("body", BODIES, ids=["many", "a name", "a value", "an object", "a list"])
@pytest.mark.parametrize("path", ["/jobs/start/simulate/", "/chat/"])
def test_a_refusal_names_some_and_counts_the_rest(
    program: httpx.Client, path: str, body: object
) -> None:
    answer = program.post(path, json=body)
    assert answer.status_code in (400, 503)  # 503: there is no model to ask
    assert len(answer.content) < 20_000


def test_the_number_of_what_is_not_named_is_told(program: httpx.Client) -> None:
    answer = program.post("/jobs/start/simulate/", json=UNKNOWN)
    assert "There is no parameter 'unknown-0'." in answer.json()["detail"]
    assert "Nor are there 99,990 others." in answer.json()["detail"]


@pytest.fixture
def socket(web: Web, token: str) -> Iterator[Client]:
    with Client(web.url, bearer=token) as opened:
        yield opened


def test_a_refusal_over_a_websocket_does_likewise(socket: Client, moving: Moving) -> None:
    names = [f"job {number}" for number in range(999)]
    socket.send("subscribe", stream="a", jobs=[*names, str(moving.job.pk)])
    refused = socket.take()
    assert refused["data"]["jobs"] == names[:100]
    assert refused["data"]["message"].endswith(" 899 more are not named here.")
    assert socket.take()["event"] == "subscribed"
