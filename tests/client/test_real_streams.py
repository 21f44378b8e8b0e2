"""Every client reads the streams of real jobs whole, whatever happens to the connection."""

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from headway.client import StreamEvent
from headway.lifecycle import actions
from headway.models import Job, Status
from headway.web import tokens
from tests.client.reading import read, read_async
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.proxy import Proxy
from tests.support.stack import Web, Worker


@pytest.fixture
def token(worker: Worker, web: Web, transactional_db: None, alice: User) -> str:
    """Of Alice's, with a worker and a web process."""
    del worker, web, transactional_db
    return tokens.issue(alice)[1]


def start(owner: User, **params: float) -> Job:
    wanted = {"seconds": 1, "steps": 20, "phases": 2} | params
    return actions.start("simulate", wanted, owner=owner)


def cut(proxy: Proxy, web: Web) -> None:
    del web
    proxy.drop()


def reset(proxy: Proxy, web: Web) -> None:
    del web
    proxy.drop(reset=True)


def answer_502(proxy: Proxy, web: Web) -> None:
    del web
    before, proxy.mode = proxy.accepted, "502"
    proxy.drop()
    wait_until(lambda: proxy.accepted >= before + 2)
    proxy.mode = "pass"


def silence(proxy: Proxy, web: Web) -> None:
    del web
    before, proxy.mode = proxy.accepted, "pause"
    wait_until(lambda: proxy.accepted >= before + 2)
    proxy.mode = "pass"


def restart(proxy: Proxy, web: Web) -> None:
    del proxy
    web.kill()
    web.start()


@pytest.mark.parametrize("fault", [cut, reset, answer_502, silence, restart])
def test_both_clients_have_the_whole_list_after(
    fault: Callable[[Proxy, Web], None], token: str, alice: User, web: Web, proxy: Proxy
) -> None:
    job = start(alice, seconds=3, steps=60)
    path = f"/jobs/{job.pk}/events/"
    lists: list[list[StreamEvent]] = [[], []]
    with ThreadPoolExecutor() as pool:
        readers = [
            pool.submit(
                reader,
                proxy.url + path,
                got.append,
                cursor=0,
                token=token,
                timeout=2.0,
                backoff=0.1,
            )
            for reader, got in zip([read, read_async], lists, strict=True)
        ]
        wait_until(lambda: all(len(got) > 5 for got in lists))
        fault(proxy, web)
        assert [reader.result(30) for reader in readers] == lists
    whole = read(web.url + path, cursor=0, token=token)
    assert [event.event for event in whole].count("progress") > 10
    assert whole[-1].data["status"] == Status.SUCCEEDED
    for got in lists:
        assert_is_the_same(got, whole)


def assert_is_the_same(got: list[StreamEvent], whole: list[StreamEvent]) -> None:
    """Every event once and in order; of `progress`, newer ones may stand for older ones."""
    ids = [event.id for event in whole]
    places = [ids.index(event.id) for event in got]
    assert places == sorted(set(places))
    assert all(event == whole[place] for event, place in zip(got, places, strict=True))
    missing = [event for place, event in enumerate(whole) if place not in places]
    assert {event.event for event in missing} <= {"progress"}
    assert len(missing) < len(whole) / 2


def ends(owner: User) -> list[tuple[Job, Status]]:
    """Jobs that end in each way that is up to them, and one that will be cancelled."""
    doomed = start(owner, seconds=60)
    return [
        (start(owner), Status.SUCCEEDED),
        (start(owner, fail_at=50), Status.FAILED),
        (doomed, Status.CANCELLED),
    ]


def naive(url: str, token: str) -> list[object]:
    """Code that knows nothing but `data: ` and `[DONE]`."""
    got = []
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE) as response:
        for line in response.iter_lines():
            if line.startswith("data: "):
                text = line.removeprefix("data: ")
                if text == "[DONE]":
                    break
                got.append(json.loads(text))
    return got


async def naive_async(url: str, token: str) -> list[object]:
    """The same, asynchronous."""
    got = []
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(headers=headers, timeout=PATIENCE) as client,
        client.stream("GET", url) as response,
    ):
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                text = line.removeprefix("data: ")
                if text == "[DONE]":
                    break
                got.append(json.loads(text))
    return got


def curl(url: str, token: str) -> str:
    command = ["curl", "-sN", "--max-time", "30", "-H", f"Authorization: Bearer {token}", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_naive_reader_reads_any_job_live_and_afterwards(
    token: str, alice: User, web: Web
) -> None:
    jobs = ends(alice)
    urls = [f"{web.url}/jobs/{job.pk}/events/" for job, _ in jobs]
    with ThreadPoolExecutor() as pool:
        live = [pool.submit(naive, url, token) for url in urls]
        shown = [pool.submit(curl, url, token) for url in urls]
        doomed = jobs[-1][0]
        wait_until(lambda: Job.objects.get(pk=doomed.pk).status == Status.RUNNING)
        actions.cancel(doomed)
        for (_, status), reader, text in zip(jobs, live, shown, strict=True):
            last = reader.result(30)[-1]
            assert isinstance(last, dict)
            assert last["status"] == status
            assert text.result(30).endswith("event: done\ndata: [DONE]\n\n")
            assert f'"status":"{status}"' in text.result()
    for url in urls:
        assert len(naive(f"{url}?cursor=0", token)) > 1
        assert naive(url, token)
        assert naive(f"{url}?cursor=garbage&heartbeat", token)


async def test_so_does_its_asynchronous_twin(token: str, alice: User, web: Web) -> None:
    job = await sync_to_async(start)(alice, fail_at=50)
    got = await naive_async(f"{web.url}/jobs/{job.pk}/events/?cursor=0", token)
    assert [each["status"] for each in got if isinstance(each, dict) and "status" in each][-1] == (
        Status.FAILED
    )
