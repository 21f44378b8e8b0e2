"""The doctor finds each way of setting nginx, HAProxy and Caddy wrong, and nothing else that is
bad."""

import pytest

from headway.doctor.findings import CURES, Finding, Verdict
from tests.doctor.conftest import WAYS, Found, Way

pytestmark = pytest.mark.django_db  # so that there is a database


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_what_is_set_wrong_is_found(way: Way, found: Found) -> None:
    wrong = {each.check for each in found.ways[way] if each.cures}
    if way.wrong != "HTTP/2":
        wrong -= {"HTTP/2"}  # others are without TLS
    if way.wrong.startswith("right"):
        assert wrong == set()
    else:
        assert way.wrong in wrong
        # Caddy's `buffer_responses` holds back what a WebSocket brings, too
        both = {"WebSocket"} if way == Way("caddy", "buffering") else set()
        assert wrong - both <= {way.wrong, "buffering"}, found.ways[way]


def test_every_check_has_a_cure_for_every_proxy() -> None:
    assert {len(cures) for cures in CURES.values()} == {7}
    assert all(cure for cures in CURES.values() for cure in cures.values())
    assert Finding("clocks", Verdict.OK, "").cures == {}
