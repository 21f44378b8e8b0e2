"""URLs of the site, which import the kinds of these tests."""

from progress.urls import *  # noqa: F403
from tests.pages.live import kinds as kinds
