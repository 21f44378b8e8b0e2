"""What a person does at each of the fourteen points that the pages are made for. Each begins
signed in as Ada, the superuser of the demo; `scripts`: with JavaScript. Returns what was seen."""

import re
from collections.abc import Callable

from playwright.sync_api import FilePayload, Locator, Page, ViewportSize, expect

from jobs.demo.contents import SAMPLE
from tests.clicks.data import PASSWORD

Point = Callable[[Page, bool], str]
SIZE = ViewportSize(width=1280, height=900)
FILE = FilePayload(name="rows.csv", mimeType="text/csv", buffer=SAMPLE.encode())


def said(what: Locator, pattern: str = ".") -> str:
    """Its text, on one line, once it is there and has what is looked for."""
    expect(what).to_have_text(re.compile(pattern, re.DOTALL))
    return " ".join(what.inner_text().split())


def job(page: Page, title: str) -> None:
    """Opens the page of a job of anybody by its line."""
    page.goto(f"/?person=*&text={title}")
    page.locator(".row", has_text=title).get_by_role("link").first.click()
    expect(page.locator(".panel")).to_be_visible()


def part(page: Page, name: str) -> Locator:
    """Opens a part of a job's page, which without scripts is open."""
    tab = page.locator(f"#to-{name}")
    if tab.count() and tab.is_visible():
        tab.click()
    pane = page.locator(f"#{name}")
    expect(pane).to_be_visible()
    return pane


def signed_in(page: Page, name: str) -> None:
    """As somebody, by the form."""
    page.context.clear_cookies()
    page.goto("/sign-in/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("main h1")).to_be_visible()


def first_page(page: Page, scripts: bool) -> str:
    """Bars, lines under days, and one click for who has no jobs."""
    page.goto("/")
    bars = page.locator(".row [role=progressbar]").count()
    seen = page.locator(".row").evaluate_all(
        "all => all.filter((each) => each.getBoundingClientRect().bottom <= innerHeight).length"
    )
    day = said(page.locator("h2.day").first)
    page.locator("#own-summary").click()
    assert "@job_task" in said(page.locator("#own-kind pre"))
    signed_in(page, "nora")
    page.get_by_role("button", name="Try it").click()
    state = said(page.locator(".panel .badge"), "Queued|Running|Succeeded")
    signed_in(page, "ada")
    assert min(bars, seen) > 4, (bars, seen)
    del scripts
    return f"{bars} bars, {seen} rows before one scrolls, “{day}”; Try it of somebody new: {state}"


def questions(page: Page, scripts: bool) -> str:
    """Status, day, text, order, a saved question, causes; a filtered list is live."""
    page.goto("/?person=*")
    failed = page.locator("#statuses").get_by_role("link", name=re.compile("^Failed"))
    count = said(failed)
    failed.click()
    page.locator("[name=text]").fill("%_'\"")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("None of these jobs matches.")).to_be_visible()
    page.goto("/?person=*&sort=longest")
    longest = said(page.locator(".row.line .took").first)
    page.goto("/?person=*")
    page.locator("#days a").nth(-2).click()
    shown = page.locator(".row").count()
    page.locator("#save-summary").click()
    page.locator("#save-question [name=name]").fill("A day")
    page.get_by_role("button", name="Save search").click()
    page.get_by_role("link", name="A day", exact=True).click()
    assert page.locator(".row").count() == shown > 0
    page.get_by_role("button", name="Delete A day").click()
    page.goto("/jobs/causes/?person=*")
    causes = page.locator("#causes h2").count()
    page.goto("/?status=failed")
    if scripts:
        expect(page.locator("[data-chip=live]")).to_be_visible()
    return f"{count}, {longest}, {shown} of one day, {causes} causes" + ", live" * scripts


def many(page: Page, scripts: bool) -> str:
    """All that match are cancelled, by a job of its own; who did it is written down."""
    page.goto("/?person=maria&status=" + ("stalled" if scripts else "active"))
    one = page.locator(".row h3 a").first.get_attribute("href") or ""
    page.locator(".tick input").first.check()
    if scripts:
        page.get_by_label("All that match").check()
    page.locator("#many").get_by_role("button", name="Cancel").click()
    asked = said(page.locator("main h1"), "Cancel")
    page.locator("main form button").first.click()
    told = said(page.locator("[data-status=succeeded]").first)
    page.goto(one)
    page.get_by_text("Who did what").click()
    if not scripts:
        page.locator(".trail-of").get_by_role("link", name="Show").click()
    trail = said(page.locator("main").last, "ada")
    return f"{asked} {told[:60]}; {trail[-90:]}"


def of_a_job(page: Page, scripts: bool) -> str:
    """The error and what helps, its strip, its parts."""
    job(page, "orders-q1.csv")
    reason = said(page.locator(".failure, .error").first)[:60]
    assert page.locator(".strip, figure svg").count()
    parts = [name for name in ("log", "input", "attempts") if part(page, name)]
    page.get_by_role("link", name="Fix and start again").click()
    kept = said(page.locator("form .help").filter(has_text="orders-q1.csv").first)
    job(page, "orders-q2.csv")
    warned = said(part(page, "warnings"))[:60]
    del scripts
    return f"{reason}… {', '.join(parts)}; {kept[:50]}; {warned}"


def boards(page: Page, scripts: bool) -> str:
    """Of a kind, and of the system."""
    page.goto("/jobs/kinds/import-csv/")
    runs = said(page.locator("#runs dl").first)[:70]
    page.goto("/jobs/system/")
    workers = said(page.locator(".worker h3", has_text="busy").first)
    queues = said(page.locator(".queues tbody tr").first)
    del scripts
    return f"{runs}; {workers.partition(' ')[2]}; {queues}"


def upload(page: Page, scripts: bool) -> str:
    """A wrong file is told, a right one is imported to its end."""
    page.goto("/jobs/start/import-csv/")
    png = b"\x89PNG\r\n\x1a\n" + bytes(60)
    wrong = FilePayload(name="logo.csv", mimeType="text/csv", buffer=png)
    page.locator("input[type=file]").set_input_files(wrong)
    if not scripts:
        page.get_by_role("button", name="Start", exact=True).click()
    refused = said(page.get_by_text("This is a").first, "picture|PNG")
    page.goto("/jobs/start/import-csv/")
    page.locator("input[type=file]").set_input_files(FILE)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url("**/jobs/*-*/**")
    state = said(page.locator(".panel .badge"), "Succeeded")
    return f"{refused}; {state}: {said(page.locator('#result'), 'Rows')[:50]}"


def account(page: Page, scripts: bool) -> str:
    """A token is made, seen once and revoked."""
    page.goto("/me/")
    page.get_by_label("Name", exact=True).first.fill("clicks")
    page.get_by_role("button", name=re.compile("^(Make|Create)")).first.click()
    token = said(page.locator("[data-token]"), "^pt_")
    page.goto("/me/")
    assert token not in page.content()
    page.get_by_role("button", name="Revoke").first.click()
    heads = page.locator("main h2").all_inner_texts()
    del scripts
    return f"{token[:8]}… seen once, revoked; {', '.join(heads)}"


def told(page: Page, scripts: bool) -> str:
    """A job of one's own is asked to tell; how is chosen."""
    job(page, "customers-all.csv")
    button = page.get_by_role("button", name="Tell me when done")
    if scripts:
        page.context.grant_permissions(["notifications"])
    button.click()
    wanted = said(page.locator(".notify, main").last, "You will be told")
    page.goto("/jobs/notices/")
    ways = page.locator("main form label").all_inner_texts()
    return f"{wanted[-90:]}; {', '.join(' '.join(each.split()) for each in ways[:3])}"


def share(page: Page, scripts: bool) -> str:
    """A stranger sees a job by its link, without its inputs, until it is revoked."""
    job(page, "orders-q2.csv")
    if scripts:  # who opens it before they have come has a link in it, as without them
        page.wait_for_function("() => window.htmx")
    page.locator("#share-of-summary").click()
    if not scripts:
        page.locator("#share-of").get_by_role("link", name="Show").click()
    page.get_by_role("button", name="Make a link").click()
    address = page.get_by_label("Address of the link").input_value()
    stranger = page.context.browser.new_page()  # type: ignore[union-attr]  # it has one
    stranger.goto(address)
    seen = said(stranger.locator(".badge").first)
    assert stranger.get_by_text("Who did what").count() == stranger.locator("#input").count() == 0
    page.get_by_role("button", name=re.compile("^Revoke")).first.click()
    expect(page.get_by_label("Address of the link")).to_have_count(0)
    gone = stranger.goto(address)
    stranger.close()
    assert gone
    assert gone.status == 404
    return f"the stranger reads {seen}; after Revoke {gone.status}"


def keys(page: Page, scripts: bool) -> str:
    """The sheet of shortcuts; the same pages in German, with its numbers."""
    page.goto("/")
    sheet = "no script, no shortcuts"
    if scripts:
        expect(page.locator("[data-chip=live]")).to_be_visible()
        page.keyboard.press("?")
        sheet = said(page.get_by_role("dialog"))[:40]
        page.keyboard.press("Escape")
    page.set_extra_http_headers({"Accept-Language": "de"})
    page.goto("/?person=*&text=orders-q2.csv")
    german = said(page.locator("h1"))
    result = said(page.locator(".row.line .said").first, "49.877")
    page.set_extra_http_headers({})
    return f"{sheet}; {german}: {result}"


def admin(page: Page, scripts: bool) -> str:
    """Filters, a search in tracebacks, the page of a job with its verbs, and its history."""
    page.goto("/admin/headway/job/?status=badly")
    bad = said(page.locator(".paginator").first)
    page.goto("/admin/headway/job/?q=NumericValueOutOfRange")
    found = page.locator("#result_list tbody tr").count()
    page.locator("#result_list tbody th a, #result_list tbody td a").first.click()
    history = page.get_by_role("link", name="History")
    expect(history).to_be_visible()
    verbs = page.get_by_role("button", name=re.compile("Retry|Cancel")).first
    retry = said(verbs) if verbs.count() else "no verb"
    history.click()
    del scripts
    return (
        f"{bad} ended badly, {found} by their traceback, {retry}, {said(page.locator('h1').first)}"
    )


def demo(page: Page, scripts: bool) -> str:
    """Every state, of three people and a month."""
    page.goto("/?person=*")
    states = [" ".join(each.split()) for each in page.locator("#statuses a").all_inner_texts()]
    owners = {*page.locator(".owner").all_inner_texts()}
    assert len([each for each in states if re.search(r" [\d,]+\+?$", each)]) >= 8, states
    del scripts
    return f"{', '.join(states)}; of {', '.join(sorted(owners))} and oneself"


def charts(page: Page, scripts: bool) -> str:
    """Pictures from the server with a table behind; scripts of the site alone."""
    page.goto("/jobs/kinds/import-csv/")
    pictures, tables = page.locator("main svg").count(), page.locator("main table").count()
    foreign = page.locator("script[src^=http], link[rel=stylesheet][href^=http]").count()
    assert min(pictures, tables) > 0 == foreign, (pictures, tables, foreign)
    del scripts
    return f"{pictures} pictures, {tables} tables, {foreign} scripts or sheets from elsewhere"


def persons_data(page: Page, scripts: bool) -> str:
    """Everything of one person exported in the admin, as a job with a file."""
    page.goto("/admin/headway/job/?owner=yusuf")
    page.locator("#result_list .action-select").first.check()
    page.locator("select[name=action]").select_option("export_person")
    page.get_by_role("button", name=re.compile("^(Go|Run)$")).click()
    message = said(page.locator(".messagelist li").first)
    del scripts
    return message[:120]


POINTS: dict[int, tuple[str, Point]] = {
    1: ("the first page", first_page),
    2: ("questions", questions),
    3: ("acting on many", many),
    4: ("a job's page", of_a_job),
    5: ("a kind, the system", boards),
    6: ("uploads", upload),
    7: ("/me/", account),
    8: ("told when done", told),
    9: ("share", share),
    10: ("keys and German", keys),
    11: ("the admin", admin),
    12: ("the demo", demo),
    13: ("charts", charts),
    14: ("a person's data", persons_data),
}
