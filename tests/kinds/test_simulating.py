"""Simulate, and the forms of all three kinds."""

import time

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.utils import override_settings

from headway import JobError
from headway.kinds import registry
from headway.stream import Cancelled, Event
from jobs.simulate import NAP, simulate
from tests.kinds.conftest import Trial
from tests.support.stack import Valkey


def test_it_counts_its_steps(trial: Trial) -> None:
    result = trial.run(simulate, seconds=0, steps=20)
    assert result["steps"] == 20
    motion = trial.reporter.progress()
    assert (motion["current"], motion["total"], motion["phase"]) == (20, 20, "Phase 1 of 1")
    assert trial.warnings == ["step 10: is halfway, and this is only an example"]
    assert len([line for line in trial.said["lines"] if line["level"] == "info"]) == 10


def test_it_takes_the_time_it_was_given(trial: Trial) -> None:
    begun = time.monotonic()
    trial.run(simulate, seconds=0.5, steps=7)
    assert 0.5 <= time.monotonic() - begun < 1.5


def test_phases_share_the_bar_equally(trial: Trial) -> None:
    with pytest.raises(JobError):
        trial.run(simulate, seconds=0, steps=100, phases=4, fail_at=50)
    motion = trial.reporter.progress()
    assert (motion["phase"], motion["percent"]) == ("Phase 2 of 4", 50)


@pytest.mark.parametrize(("fail_at", "step"), [(0, 1), (37.5, 38), (100, 100)])
def test_it_fails_where_asked(trial: Trial, fail_at: float, step: int) -> None:
    with pytest.raises(JobError, match=f"^Failed at {fail_at:g}%, as asked.$"):
        trial.run(simulate, seconds=0, steps=100, fail_at=fail_at)
    assert trial.reporter.progress()["current"] == step


def test_an_unknown_total_stays_unknown(trial: Trial) -> None:
    trial.run(simulate, seconds=0, steps=5, phases=2, unknown_total=True)
    motion = trial.reporter.progress()
    assert (motion["total"], motion["percent"]) == (None, None)


def test_a_long_step_can_be_cancelled(valkey: Valkey, db: None) -> None:
    del db
    trial = Trial(url=valkey.url)
    trial.reporter.start()
    cancelling = Event("state", {"status": "cancelling"})
    trial.log.append(str(trial.job.pk), cancelling, attempt=1)
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        trial.run(simulate, seconds=3600, steps=1)
    trial.reporter.stop()
    assert time.monotonic() - begun < NAP + 5


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"seconds": "nan"}, "seconds"),
        ({"seconds": "inf"}, "seconds"),
        ({"seconds": "-1"}, "seconds"),
        ({"seconds": "1e9"}, "seconds"),
        ({"seconds": "soon"}, "seconds"),
        ({"steps": "0"}, "steps"),
        ({"steps": "1.5"}, "steps"),
        ({"steps": "9" * 5000}, "steps"),
        ({"phases": "21"}, "phases"),
        ({"phases": "5", "steps": "4"}, "phases"),
        ({"fail_at": "101"}, "fail_at"),
        ({"fail_at": "\0"}, "fail_at"),
    ],
)
def test_absurd_numbers_are_refused_beside_their_field(values: dict[str, str], field: str) -> None:
    form = registry.get("simulate").fill(values)
    assert not form.is_valid()
    assert list(form.errors) == [field]


@pytest.mark.parametrize("kind", ["simulate", "import-csv", "checksum-archive"])
def test_what_is_left_out_has_a_sensible_value(kind: str) -> None:
    content = b"PK\5\6" + bytes(18) if kind == "checksum-archive" else b"a\n1\n"
    form = registry.get(kind).fill({}, {"file": SimpleUploadedFile("a", content)})
    assert form.is_valid(), form.errors


@pytest.mark.parametrize("kind", ["import-csv", "checksum-archive"])
@override_settings(HEADWAY={**settings.HEADWAY, "UPLOAD_MAX_BYTES": 1024})
def test_uploads_are_limited_by_the_settings(kind: str) -> None:
    chosen = registry.get(kind)
    large = chosen.fill({}, {"file": SimpleUploadedFile("large", bytes(2048))})
    assert large.errors["file"] == ["The file has 2.0\xa0KB; at most 1.0\xa0KB can be uploaded."]
    empty = chosen.fill({}, {"file": SimpleUploadedFile("empty", b"")})
    assert empty.errors["file"] == ["The submitted file is empty."]
    assert "file" in chosen.fill({}).errors


def test_every_kind_says_what_it_does() -> None:
    described = {kind.name: kind.description for kind in registry.kinds().values()}
    assert described["import-csv"].startswith("Reads the rows of a CSV file into the database.")
    assert described["checksum-archive"].startswith("Computes the SHA-256 of every file")
    assert described["simulate"].startswith("Counts steps for some time")
