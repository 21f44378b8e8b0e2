"""A web process that knows kinds of the tests' own: `web as web` from here instead of the usual."""

from collections.abc import Iterator

import pytest

from tests.support.stack import Valkey, Web

SITE = "tests.pages.live.site"


@pytest.fixture(scope="module")
def web(valkey: Valkey, django_db_setup: None) -> Iterator[Web]:
    """One that knows the kinds of kinds.py, too."""
    del valkey, django_db_setup
    process = Web(STREAM_KEEPALIVE="1", STREAM_RECHECK="1", DJANGO_SETTINGS_MODULE=SITE)
    process.start()
    yield process
    process.stop()
