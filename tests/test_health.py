"""/healthz and /readyz, with parts that are really away."""

import pytest
from django.test import Client

from tests.support.stack import Valkey


def test_a_process_that_answers_is_healthy_even_without_redis(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"


@pytest.mark.django_db
def test_an_installation_with_database_and_redis_is_ready(client: Client, valkey: Valkey) -> None:
    valkey.flush()
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": True, "redis": True, "workers": 0, "janitor": False}


@pytest.mark.django_db
def test_without_redis_it_is_not_ready_and_says_so(client: Client, valkey: Valkey) -> None:
    valkey.stop()
    try:
        answer = client.get("/readyz")
    finally:
        valkey.start()
    assert answer.status_code == 503
    assert answer.json() == {"database": True, "redis": False, "workers": 0, "janitor": False}
