"""`manage.py stream_doctor`: what it prints, how it exits, and where a token may come from."""

import json
import re

import pytest
from django.core.management import CommandError, call_command

from headway.doctor.findings import CURES
from tests.doctor.conftest import Found

pytestmark = pytest.mark.django_db  # so that there is a database


def test_all_is_well_with_a_token_from_a_file(found: Found) -> None:
    done = found.commands["file"]
    assert (done.code, done.err) == (0, ""), done
    assert "0 finding(s), 0 of them bad." in done.out
    assert {line.split()[0] for line in done.out.splitlines()[:-1]} == {"ok"}


def test_clocks_that_differ_are_found(found: Found) -> None:
    done = found.commands["clocks"]
    assert done.code == 1, done
    assert re.search(r"^warn +clocks: (359\d|360\d) s", done.out, re.MULTILINE), done.out
    assert "nginx: no setting of a proxy: run chrony" in done.out


def test_json_names_the_cures(found: Found) -> None:
    done = found.commands["json"]
    assert done.code == 1, done
    checks = {each["check"]: each for each in json.loads(done.out)["checks"]}
    assert set(checks["redirects"]["cures"]) == set(CURES["redirects"])


def test_a_terminal_is_asked_for_the_token(found: Found) -> None:
    done = found.commands["prompt"]
    assert done.code == 1, done
    assert "API token: " in done.err
    assert "bad        redirects: 302 to https://elsewhere.example/jobs/events/" in done.out


def test_no_token_is_ever_printed(found: Found) -> None:
    for done in found.commands.values():
        assert found.token not in done.out + done.err
        assert "pt_1_wrong" not in done.out + done.err


def test_what_cannot_be_examined_is_a_sentence(found: Found) -> None:
    done = found.commands["wrong token"]
    assert (done.code, done.out) == (2, "")
    assert "401: not signed in. Give a token" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("jobs.example.com",), "is no address"),
        (("https://me:secret@jobs.example.com",), "Leave the password out"),
        (("https://jobs.example.com", "--token-file", "/nowhere"), "/nowhere cannot be read."),
        (("https://jobs.example.com", "--heartbeat", "0.5"), "--heartbeat takes 1 to 300"),
    ],
)
def test_what_is_typed_wrong_is_a_sentence(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told) as refused:
        call_command("stream_doctor", *arguments)
    assert refused.value.returncode == 2
