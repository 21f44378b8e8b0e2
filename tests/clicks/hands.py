"""Somebody's hands on a page: clicks, keys and the seconds that a task takes."""

import time
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

POINT, PRESS, KEY, THINK = 1.1, 0.2, 0.28, 1.35
"""Seconds that people take to point at something, press it, type a character, and decide what to
do next: the keystroke-level model (Card, Moran, Newell, 1980)."""


@dataclass
class Taken:
    """What a task took. `typed` is how often something was typed, however long it was."""

    clicks: int = 0
    typed: int = 0
    pages: int = 0
    hands: float = 0.0
    """Seconds of the person."""
    waits: float = 0.0
    """Seconds of the site and the browser."""

    @property
    def seconds(self) -> float:
        return self.hands + self.waits


class Hands:
    """Does what a person would, and counts it. Each deed waits until the page has loaded."""

    def __init__(self, page: Page) -> None:
        self.page, self.taken = page, Taken()
        page.on("domcontentloaded", self._loaded)

    def click(self, what: Locator) -> None:
        """Points at something and presses it."""
        self._person(clicks=1, seconds=THINK + POINT + PRESS)
        began = time.monotonic()
        what.click()
        self.page.wait_for_load_state()
        self.taken.waits += time.monotonic() - began

    def choose(self, what: Locator, value: str) -> None:
        """Opens a choice and presses one of its values."""
        self._person(clicks=2, seconds=THINK + 2 * (POINT + PRESS))
        what.select_option(value)

    def type(self, what: Locator, text: str) -> None:
        """Clicks into a field and types over what is there."""
        self._person(clicks=1, seconds=POINT + PRESS)
        self._person(typed=1, seconds=THINK + KEY * len(text))
        what.fill(text)

    def key(self, *names: str) -> None:
        """Presses keys one after the other, such as Tab or Enter."""
        self._person(typed=1, seconds=THINK + KEY * len(names))
        began = time.monotonic()
        for name in names:
            self.page.keyboard.press(name)
        self.page.wait_for_load_state()
        self.taken.waits += time.monotonic() - began

    def back(self) -> None:
        """Presses the browser's own button."""
        self._person(clicks=1, seconds=THINK + POINT + PRESS)
        began = time.monotonic()
        self.page.go_back()
        self.taken.waits += time.monotonic() - began

    def file(self, what: Locator, name: str, text: str) -> None:
        """Finds a file in the dialog of the browser: opened, two folders, the file, its button."""
        self._person(clicks=5, seconds=5 * (THINK + POINT + PRESS))
        what.set_input_files({"name": name, "mimeType": "text/csv", "buffer": text.encode()})

    def read(self, what: Locator, holds: str = "") -> str:
        """Reads something on the page, once it is there."""
        began = time.monotonic()
        what.wait_for()
        self.taken.waits += time.monotonic() - began
        self._person(seconds=THINK)
        said = " ".join(what.inner_text().split())
        assert holds in said, f"{holds!r} is not in {said!r}"
        return said

    def _person(self, *, clicks: int = 0, typed: int = 0, seconds: float) -> None:
        self.taken.clicks += clicks
        self.taken.typed += typed
        self.taken.hands += seconds

    def _loaded(self, page: Page) -> None:
        del page
        self.taken.pages += 1
