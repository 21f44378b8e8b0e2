"""`python -m tests.clicks.slow`: what the list and a job's page weigh, and when their first bar is
seen and moves, on slow 3G (400 kbit/s, 400 ms) with nothing in the cache. Prints a table."""

import sys
from typing import Any

import django
from playwright.sync_api import Browser, BrowserContext

from tests.support import environment as environment  # a data directory of its own
from tests.support.pages import ROOT

django.setup()

from tests.clicks.site import site  # noqa: E402 - models need the settings
from tests.pictures.pairs import stage  # noqa: E402
from tests.pictures.sides import sign_in  # noqa: E402
from tests.support.patience import PATIENCE  # noqa: E402

SLOW_3G = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
NOTE = """() => {
  const note = () => {
    const seen = performance.getEntriesByName('first-contentful-paint').length;
    if (seen && document.querySelector('.bar')) window.bar ??= performance.now();
    if (document.querySelector('[data-chip=live]')) window.live ??= performance.now();
    if (!window.live) requestAnimationFrame(note);
  };
  note();
}"""
ROUNDS = 3


def measure(context: BrowserContext, url: str) -> tuple[float, float, int]:
    """Seconds until the first bar is seen and until its page is live; bytes that came until then,
    heads included."""
    page = context.new_page()
    page.add_init_script(f"({NOTE})()")
    network = context.new_cdp_session(page)
    came: list[int] = []

    def count(event: dict[str, Any]) -> None:
        came.append(int(event["encodedDataLength"]))

    network.on("Network.loadingFinished", count)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.send("Network.emulateNetworkConditions", SLOW_3G)
    page.goto(url)
    page.wait_for_function("() => window.live && window.bar")
    bar, live = page.evaluate("[window.bar, window.live]")
    page.close()
    return bar / 1000, live / 1000, sum(came)


def tell(browser: Browser, url: str) -> None:
    """The middle one of some rounds, for each page."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE * 1000)
    first = context.new_page()
    sign_in(first, url)
    job = first.locator(".row", has_text="customers-all.csv").get_by_role("link").first
    pages = {"the list": url, "a running job": url + (job.get_attribute("href") or "")}
    first.close()
    for name, address in pages.items():
        found = sorted(measure(context, address) for _ in range(ROUNDS))
        bar, live, size = found[ROUNDS // 2]
        sys.stdout.write(f"| {name} | {size / 1000:.0f} kB | {bar:.1f} s | {live:.1f} s |\n")


def main() -> None:
    """On the jobs of the demo."""
    with (
        stage() as (browser, valkey),
        site(ROOT, valkey, settings={"JOB_STALLED_AFTER": "600"}, collects=True) as url,
    ):
        tell(browser, url)


if __name__ == "__main__":
    main()
