"""The stream client: what the project's own tests read of a job's stream, over Django's client."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient

from headway.lifecycle import actions
from headway.testing import Frame, follow, stream
from tests.support.stack import Worker

pytestmark = pytest.mark.django_db(transaction=True)


async def test_the_frames_of_a_job_up_to_its_end(worker: Worker, alice: User) -> None:
    del worker
    job = await sync_to_async(actions.start)("simulate", {"steps": 3, "seconds": 1}, owner=alice)
    client = AsyncClient()
    await client.aforce_login(alice)
    frames = await stream(client, job)
    assert frames[0].event == "snapshot"
    assert frames[-1] == Frame("done", frames[-1].id, "[DONE]")
    states = [each.data["status"] for each in frames if each.event == "state"]
    assert states[-1] == "succeeded"
    last = [each.data for each in frames if each.event == "progress"][-1]
    assert (last["job"], last["percent"]) == (str(job.pk), 100)
    assert all(each.id.isdigit() for each in frames)


async def test_all_of_a_users_jobs_until_the_test_has_seen_enough(
    worker: Worker, alice: User
) -> None:
    del worker
    client = AsyncClient()
    await client.aforce_login(alice)
    job = await sync_to_async(actions.start)("simulate", {"steps": 3, "seconds": 1}, owner=alice)
    seen = follow(client)
    async for frame in seen:
        if frame.event == "state" and frame.data["status"] == "succeeded":
            assert frame.data["job"] == str(job.pk)
            break
    await seen.aclose()


async def test_a_stream_that_is_not_for_this_user_fails_the_test(alice: User, bob: User) -> None:
    job = await sync_to_async(actions.start)("simulate", {"steps": 3}, owner=alice, publish=False)
    client = AsyncClient()
    await client.aforce_login(bob)
    with pytest.raises(AssertionError, match="answered 404"):
        await stream(client, job)
