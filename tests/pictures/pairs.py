"""`python -m tests.pictures.pairs CHECKOUT`: the same pages of an earlier checkout and of this one,
with the same jobs, for docs/before-and-after.md. With a folder, and rounds such as `light-390` or
names of pairs (tests/pictures/then.py) where not all are wanted: every page and state that the
earlier one had, side by side, to be looked at."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from django.utils import timezone  # noqa: E402 - models need the settings

from headway.models import Status  # noqa: E402
from headway.stream import Log  # noqa: E402
from jobs.demo import past, scenes  # noqa: E402
from jobs.demo.rows import rows  # noqa: E402
from tests.clicks.data import Filling, filling, people  # noqa: E402
from tests.clicks.site import installation, site  # noqa: E402
from tests.conftest import CHROMIUM, CHROMIUM_ARGUMENTS  # noqa: E402
from tests.pictures import faults  # noqa: E402
from tests.pictures.sides import APPS, HEIGHTS, Pictures, Side  # noqa: E402
from tests.pictures.then import CUT_OFF, DOCS, PAIRS, WITHOUT_REDIS, WITHOUT_WORKER, Pair  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402
from tests.support.stack import Valkey  # noqa: E402

TALLEST, GAP = 1800, 12
"""Pixels of a page, and between two."""
QUALITY = 70
ROUNDS = [(scheme, width) for scheme in ("light", "dark") for width in HEIGHTS]
CALM = {
    "JANITOR_EVERY": "3600",
    "JOB_CANCEL_DEADLINE": "86400",
    "JOB_REPUBLISH_AFTER": "86400",
    "JOB_STALLED_AFTER": "30",
}
"""A janitor tells Redis once how jobs stand, and leaves them alone."""


@contextmanager
def stage() -> Iterator[tuple[Browser, Valkey]]:
    """A browser, and what the sites that it visits keep their live progress in."""
    valkey = Valkey()
    valkey.start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(CHROMIUM), args=CHROMIUM_ARGUMENTS
            )
            yield browser, valkey
            browser.close()
    finally:
        valkey.kill()


def jobs_of_both() -> Filling:
    """The demo's. What is queued waits for a queue that nobody serves, while it is looked at."""
    now, users = timezone.now(), people()
    stories = [*scenes.all_states(), *past.month(random.Random(7))]
    made = [rows(story, users[:-1], now) for story in stories]
    for each in made:
        if each.job.status == Status.QUEUED and not each.job.not_before:
            each.job.queue, each.job.published_at = "reports", now
    return filling(stories, users, made)


def faults_of(checkout: Path) -> dict[str, str]:
    """Its pages of faults, by their status."""
    printed = subprocess.run(
        [sys.executable, Path(faults.__file__)],
        cwd=checkout,
        env=os.environ | {"PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=PATIENCE,
    )
    known: dict[str, str] = json.loads(printed.stdout.splitlines()[-1])  # after what it logs
    return known


@dataclass(frozen=True)
class Both:
    """The two sites, of which only some pairs are looked at if they are named."""

    browser: Browser
    valkey: Valkey
    earlier: Path

    def photograph(self, scheme: str, width: int, names: Sequence[str]) -> dict[str, Pictures]:
        """Side -> name of a pair -> the page."""
        taken = {}
        for side, checkout in (("before", self.earlier), ("today", ROOT)):
            look = Side(self.browser, side, width, scheme, faults_of(checkout))
            taken[side] = self._one(look, checkout, names)
        return taken

    def _one(self, look: Side, checkout: Path, names: Sequence[str]) -> Pictures:
        """Of a site with a worker, then with a Redis that hangs, and of one without a worker."""

        def chosen(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
            return {name: pair for name, pair in pairs.items() if name in names or not names}

        jobs, log = jobs_of_both(), Log(self.valkey.url)
        with installation(checkout, self.valkey, filling=jobs, settings=CALM) as web:
            look.url = web.url
            look.await_worker()
            taken = look.photograph(chosen(PAIRS), jobs[1], log)
            if pairs := chosen(WITHOUT_REDIS):
                self.valkey.pause()
                taken |= look.photograph(pairs, [], log)
                self.valkey.resume()
            taken |= look.cut_off(chosen(CUT_OFF), web)
            look.close()
        if pairs := chosen(WITHOUT_WORKER):
            with site(checkout, self.valkey, roles=[], filling=jobs, settings=CALM) as look.url:
                taken |= look.photograph(pairs, jobs[1], log)
                look.close()
        log.close()
        return taken


def beside(before: Image.Image, today: Image.Image) -> Image.Image:
    """Both, as far down as anybody looks."""
    height = min(TALLEST, max(before.height, today.height))
    pair = Image.new("RGB", (before.width + GAP + today.width, height), "magenta")
    pair.paste(before, (0, 0))
    pair.paste(today, (before.width + GAP, 0))
    return pair


def for_docs(both: Both) -> None:
    """As they are seen before anybody scrolls."""
    folder = ROOT / "docs/pictures/pairs"
    for scheme, width in ROUNDS:
        wanted = {name: pair for name, (pair, *how) in DOCS.items() if how == [scheme, width]}
        if not wanted:
            continue
        taken = both.photograph(scheme, width, [*wanted.values()])
        for side in APPS:
            for name, pair in wanted.items():
                seen = taken[side][pair].crop((0, 0, width, HEIGHTS[width]))
                seen.save(folder / f"{side}-{name}.webp", quality=QUALITY, method=6)
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stdout.write(f"{folder}: {size:,} bytes\n")


def to_look_at(both: Both, folder: Path, wanted: Sequence[str]) -> None:
    """A picture of each pair, in each round."""
    folder.mkdir(parents=True, exist_ok=True)
    called = {f"{scheme}-{width}": (scheme, width) for scheme, width in ROUNDS}
    names = [each for each in wanted if each not in called]
    for suffix in [each for each in wanted if each in called] or called:
        taken = both.photograph(*called[suffix], names)
        for name, picture in taken["today"].items():
            beside(taken["before"][name], picture).save(folder / f"{name}-{suffix}.png")


def main() -> None:
    """The pictures of the docs, or a folder of pairs."""
    earlier, *rest = sys.argv[1:]
    with stage() as (browser, valkey):
        both = Both(browser, valkey, Path(earlier).resolve())
        if rest:
            to_look_at(both, Path(rest[0]), rest[1:])
        else:
            for_docs(both)


if __name__ == "__main__":
    main()
