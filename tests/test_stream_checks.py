"""`manage.py check --deploy` tells what makes streams cost more, or be fewer, than they could."""

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from headway.checks import check_streams
from headway.stream import descriptors, direct
from headway.stream.servers import uvicorn


def ids() -> list[str | None]:
    return [each.id for each in check_streams()]


def test_all_is_well(settings: Settings) -> None:
    settings.HEADWAY = settings.HEADWAY | {"STREAM_MAX": 1000}
    assert ids() == []


def test_only_a_check_for_production_looks_at_servers() -> None:
    found = run_checks(include_deployment_checks=False)
    assert not [each for each in found if str(each.id).startswith("headway.W03")]


def test_a_version_that_keeps_its_streams_is_named(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"STREAM_MAX": 1000}
    [(place, names)] = uvicorn.USES.items()
    monkeypatch.setattr(uvicorn, "USES", {place: (*names, "telepathy"), ("http", "Gone"): ("x",)})
    [warning] = check_streams()
    assert warning.id == "headway.W031"
    assert "Uvicorn lacks" in warning.msg
    assert "RequestResponseCycle.telepathy, http.Gone.x" in warning.msg


def test_the_slower_way_is_told(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.HEADWAY = settings.HEADWAY | {"STREAM_MAX": 1000, "STREAM_HAND_OVER": False}
    assert ids() == ["headway.W032"]
    settings.HEADWAY = settings.HEADWAY | {"STREAM_HAND_OVER": True}
    monkeypatch.setattr(direct, "is_possible", lambda: False)
    assert ids() == ["headway.W032"]


def test_a_limit_below_the_most_streams_is_told(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"STREAM_MAX": 20_000}
    monkeypatch.setattr(descriptors, "hard_limit", lambda: 1024)
    [warning] = check_streams()
    assert warning.id == "headway.W033"
    assert warning.msg.startswith("A process may have 1024 files and connections open")
