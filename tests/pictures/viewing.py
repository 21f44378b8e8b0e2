"""Photographs every page and state of the album, whole, and says where one is wider than its window
or has something too small to press; four at a time on sheets, so that all can be looked at."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.contrib.auth.models import User
from django.template import Template
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route

from tests.pictures import extras
from tests.pictures.album import ADA, NEW, NOBODY, PLAIN, VIEWS, View
from tests.support.layout import FAULTS
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.users import make_user, sign_in

SHOP = Template((Path(__file__).parent / "shop.html").read_text())
HEIGHT = 900
ROUNDS = (
    *((width, scheme, False) for scheme in ("light", "dark") for width in (1280, 390, 1920)),
    *((320, "light", False), (1280, "light", True)),
)
"""Width of the window, colour scheme, and whether style sheets are missing."""
ON_SHEET, TALLEST, GAP = {390: 4, 320: 5}, 2400, 12


class Viewing:
    """A browser at one width and in one scheme, in which three people look at the site."""

    def __init__(self, browser: Browser, url: str, known: Mapping[str, str], locale: str) -> None:
        self.browser, self.url, self.known, self.locale = browser, url, known, locale
        self.people: dict[str, User] = {}
        self.shown: dict[str, str] = {}
        self._pages: dict[str, Page] = {}

    def open(self, width: int, scheme: str, plain: bool) -> None:
        """New windows."""
        for who in (NOBODY, NEW, ADA):
            context = self.browser.new_context(
                viewport={"width": width, "height": HEIGHT},
                reduced_motion="reduce",
                color_scheme="dark" if scheme == "dark" else "light",
                locale=self.locale,
                base_url=self.url,
            )
            context.set_default_timeout(PATIENCE * 500)
            self._answer(context, plain)
            if who:
                sign_in(context, self.people[who], self.url)
            self._pages[who] = context.new_page()

    def close(self) -> None:
        """All of them."""
        for page in self._pages.values():
            page.context.close()

    def look(self, view: View, path: Path) -> Sequence[str]:
        """Photographs a page; returns what is wrong with it."""
        page = self._pages[view.who]
        page.goto(view.path.format_map(self.known))
        try:
            view.deed(page)
        except Error as error:
            return [f"cannot be brought about: {str(error).splitlines()[0]}"]
        page.wait_for_timeout(400)  # until what is live has been told
        page.screenshot(path=path, full_page=True, scale="css")
        wrong: list[str] = page.evaluate(FAULTS)
        return wrong

    def _answer(self, context: BrowserContext, plain: bool) -> None:
        def show(route: Route) -> None:
            name = route.request.url.rstrip("/").rpartition("/")[2]
            route.fulfill(body=self.shown[name], content_type="text/html")

        context.route("**/shown/*/", show)
        if plain:
            context.route("**/*.css", lambda route: route.abort())


def photograph_all(
    browser: Browser, url: str, locale: str, folder: Path, names: Sequence[str]
) -> None:
    """As a superuser, as somebody new, and as nobody; of some views or in some rounds alone where
    they are named, such as `list` and `light-390`."""
    folder.mkdir(parents=True, exist_ok=True)
    ada = User.objects.get(username=ADA)
    viewing = Viewing(browser, url, extras.make(ada), locale)
    viewing.people = {ADA: ada, NEW: make_user(NEW)}
    viewing.shown = extras.shown(ada, locale, SHOP, dict(viewing.known))
    wait_until(lambda: extras.quiet(viewing.known["stalled"]) > extras.STALLED, 2 * extras.STALLED)
    views = [name for name in VIEWS if name in names]
    for width, scheme, plain in ROUNDS:
        called = f"{'plain' if plain else scheme}-{width}"
        if {*names} - {*views} and called not in names:
            continue
        extras.begin(ada)
        viewing.open(width, scheme, plain)
        suffix, taken = f"{locale}-{called}", []
        for name in views or (PLAIN if plain else VIEWS):
            extras.keep_moving(viewing.known["stalled"])
            taken.append(path := folder / f"{name}-{suffix}.png")
            wrong = viewing.look(VIEWS[name], path)
            told = (f"{name} {suffix} {each}\n" for each in dict.fromkeys(wrong))
            sys.stdout.writelines([] if plain else told)
            sys.stdout.flush()
        viewing.close()
        sheets([path for path in taken if path.exists()], folder, suffix, ON_SHEET.get(width, 2))


def sheets(pictures: Sequence[Path], folder: Path, suffix: str, across: int) -> None:
    """Some side by side, in the order of the album."""
    for first in range(0, len(pictures), across):
        parts = [Image.open(path).convert("RGB") for path in pictures[first : first + across]]
        parts = [each.crop((0, 0, each.width, min(each.height, TALLEST))) for each in parts]
        width = sum(each.width + GAP for each in parts)
        sheet = Image.new("RGB", (width, max(each.height for each in parts)), "magenta")
        left = 0
        for each in parts:
            sheet.paste(each, (left, 0))
            left += each.width + GAP
        sheet.save(folder / f"sheet-{suffix}-{first // across:02}.png")
