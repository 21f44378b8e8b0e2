"""A web process that knows kinds of the tests' own: `web as web` from here instead of the usual."""

import pytest

from tests.support.servers import Serve
from tests.support.stack import Web

SITE = "tests.pages.live.site"


@pytest.fixture(scope="module")
def web(serve: Serve) -> Web:
    """One that knows the kinds of kinds.py, too."""
    return serve(Web, STREAM_KEEPALIVE="1", STREAM_RECHECK="1", DJANGO_SETTINGS_MODULE=SITE)
