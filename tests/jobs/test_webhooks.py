"""A webhook: what it says, how it is signed, how often and where it is sent."""

import json
import socket
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from headway.lifecycle import delivery, outbox, webhooks
from headway.lifecycle.lease import later
from headway.models import Channel, Notice
from tests.jobs import rows
from tests.jobs.notified import due, ended
from tests.support.pages import blocks
from tests.support.receiver import Receiver


def test_the_message_is_that_of_the_page(wanted: User, receiver: Receiver) -> None:
    job = ended(wanted)
    assert delivery.deliver() == 1
    [message] = receiver.got
    [example] = [json.loads(block.code) for block in blocks("docs/notices.md", "json")]
    said = json.loads(message.body)
    assert said.keys() == example.keys()
    assert said["data"].keys() == example["data"].keys()
    assert said["type"] == example["type"]
    assert said["data"] == {
        "id": str(job.pk),
        "kind": "add",
        "status": "succeeded",
        "link": f"https://jobs.example.com/jobs/{job.pk}/",
    }
    assert "secret" not in f"{message}"
    namespace: dict[str, Any] = {}
    [code] = [b.code for b in blocks("docs/notices.md", "python") if "is_genuine" in b.code]
    exec(code, namespace)  # noqa: S102 - our own page
    is_genuine = namespace["is_genuine"]
    key = webhooks.keys(outbox.chosen(wanted.pk))[0]
    assert is_genuine(key, message.headers, message.body)
    assert not is_genuine(key, message.headers, message.body + b" ")
    assert not is_genuine(key, message.headers | {"webhook-id": "msg_2"}, message.body)
    assert not is_genuine(key, message.headers | {"webhook-timestamp": "1"}, message.body)
    assert message.path == "/hook?x=1"
    notice = Notice.objects.get()
    assert (notice.due_at, notice.tries, bool(notice.told_at)) == (None, 1, True)
    assert delivery.deliver() == 0


def test_a_signature_is_that_of_the_standard() -> None:
    """The example with which Standard Webhooks' own libraries are tested."""
    key, name = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    made = webhooks.signature(key, name, 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_key_stays_good_while_its_secret_key_is_known(alice: User, settings: Settings) -> None:
    choice = outbox.choose(alice.pk, {"webhook_url": "https://example.com"})
    [key] = webhooks.keys(choice)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 10
    new, old = webhooks.keys(choice)
    assert (old, new != old) == (key, True)
    assert len(webhooks.signed(choice, "msg", b"")["webhook-signature"].split()) == 2


@pytest.mark.parametrize("status", [500, 302, 404, 429])
def test_it_is_sent_again_with_growing_pauses_and_not_for_ever(
    status: int, wanted: User, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = status
    ended(wanted)
    pauses = []
    while delivery.deliver():
        notice = Notice.objects.get()
        pauses.append(Notice.objects.filter(due_at__gt=later(4)).count())
        assert notice.reason == f"It answered {status}"
        due()
    assert (len(receiver.got), pauses) == (3, [1, 1, 0])
    assert {message.path for message in receiver.got} == {"/hook?x=1"}
    assert notice.due_at is None
    assert notice.told_at is None
    assert "is given up" in caplog.text
    assert 4 < delivery.pause(3) / delivery.pause(2) < 9
    assert delivery.pause(20) <= 1.1 * delivery.LONGEST


def test_who_has_gone_for_good_is_asked_once(wanted: User, receiver: Receiver) -> None:
    receiver.status = 410
    ended(wanted)
    delivery.deliver()
    assert (Notice.objects.get().due_at, Notice.objects.get().reason) == (
        None,
        "It answered 410 Gone",
    )


def test_one_receiver_that_does_not_answer_keeps_nobody_waiting(
    wanted: User, bob: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT", 0.5)
    receiver.trickles = True
    job = ended(wanted)
    same = {"owner": wanted, "channel": Channel.WEBHOOK, "job_id": job.pk, "due_at": rows.ago(9)}
    Notice.objects.bulk_create(Notice(kind=job.kind, status=job.status, **same) for _ in range(300))
    with Receiver() as another:
        outbox.choose(bob.pk, {"webhook_url": another.url})
        ended(bob)
        assert delivery.deliver() == 1 + delivery.PER_PERSON
        assert len(another.got) == 1
    reasons = {*Notice.objects.exclude(reason="").values_list("reason", flat=True)}
    assert reasons == {"It did not answer within 0 s"}


def test_it_connects_to_the_address_that_was_checked(
    wanted: User, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that leads elsewhere the second time it is asked for."""
    asked: list[Any] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **options: Any) -> Any:
        if host != "hook.test":
            return resolve(host, *args, **options)
        asked.append(host)
        return resolve("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    outbox.choose(wanted.pk, {"webhook_url": receiver.url.replace("127.0.0.1", "hook.test")})
    ended(wanted)
    delivery.deliver()
    assert asked == ["hook.test"]
    assert receiver.got[0].headers["host"].startswith("hook.test:")
