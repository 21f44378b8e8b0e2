"""The page for staff: a single process examines itself, at no address but its own."""

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from pytest_django import Settings

from headway.doctor.findings import CURES
from headway.web.examining import own_address
from tests.doctor.conftest import Found

pytestmark = pytest.mark.django_db  # so that there is a database

PAGE = "/admin/headway/job/doctor/"


def test_one_process_examines_itself(found: Found) -> None:
    assert "errornote" not in found.page
    rows = found.page.split('data-verdict="')[1:]
    verdicts = {row.partition('row">')[2].partition("<")[0]: row.partition('"')[0] for row in rows}
    # Called without TLS here, and Daphne says no date
    assert verdicts == dict.fromkeys(CURES, "ok") | {"HTTP/2": "warn", "clocks": "not tried"}
    assert "listen 443 ssl http2" in found.page


@pytest.mark.parametrize(
    ("host", "port", "allowed"),
    [
        ("jobs.example.com", 80, True),
        ("JOBS.example.com", 80, True),
        ("jobs.example.com:8000", 8000, True),
        ("jobs.example.com:8443", 8000, True),  # trusted by name
        ("jobs.example.com:6379", 8000, False),
        ("internal.example.org", 80, False),  # only a pattern has it
    ],
)
def test_only_the_own_address_is_called(
    settings: Settings, host: str, port: int, allowed: bool
) -> None:
    settings.ALLOWED_HOSTS = ["jobs.example.com", ".example.org", "*"]
    settings.CSRF_TRUSTED_ORIGINS = ["http://jobs.example.com:8443"]
    request = RequestFactory().get(PAGE, HTTP_HOST=host, SERVER_PORT=str(port))
    site = own_address(request)
    assert site == (f"http://{host}/jobs" if allowed else None)


def test_another_host_is_told_to_use_the_command(settings: Settings, admin_client: Client) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    answer = admin_client.post(PAGE, HTTP_HOST="169.254.169.254")
    assert "Run manage.py stream_doctor instead." in answer.content.decode()


def test_only_those_who_may_browse_examine(db: None, alice: User) -> None:
    alice.is_staff = True
    alice.save()
    client = Client()
    client.force_login(alice)
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE).status_code == 403
    assert Client().post(PAGE).status_code == 302
