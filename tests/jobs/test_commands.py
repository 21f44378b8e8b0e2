"""`manage.py start_job`."""

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command

from headway.models import Job
from tests.jobs import kinds

assert kinds


def start(*arguments: str) -> Job:
    """The job that the command starts, by the id that it prints."""
    printed = StringIO()
    call_command("start_job", *arguments, stdout=printed)
    return Job.objects.get(pk=printed.getvalue().strip())


def test_it_prints_the_id_of_the_job_it_started(alice: User) -> None:
    job = start("add", "--user", "alice", "--set", "a=41")
    assert (job.owner, job.params, job.status) == (alice, {"a": 41, "b": 1}, "queued")


def test_a_file_is_given_by_its_path(db: None, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name\nAda\n")
    job = start("import-csv", "--set", f"file={path}")
    with default_storage.open(job.params["file"]) as file:
        assert file.read() == b"name\nAda\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nonsense"], "There is no kind 'nonsense'. Known: "),
        (["add", "--set", "a=x"], "a: Enter a whole number."),
        (["add"], "a: This field is required."),
        (["add", "--set", "a"], "write name=value with one of: a, b"),
        (["add", "--set", "c=1"], "write name=value with one of: a, b"),
        (["add", "--set", "a=1", "--user", "nobody"], "There is no user 'nobody'"),
        (["import-csv", "--set", "file=/no/such/file"], "/no/such/file: No such file"),
    ],
)
def test_what_will_not_do_is_said_in_a_sentence(
    db: None, arguments: list[str], complaint: str
) -> None:
    with pytest.raises(CommandError) as error:
        call_command("start_job", *arguments)
    assert complaint in str(error.value)
    assert not Job.objects.exists()
