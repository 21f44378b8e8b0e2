"""Settings of the site with the kinds of these tests, for a web process."""

from progress.settings import *  # noqa: F403

ROOT_URLCONF = "tests.pages.live.site_urls"
