"""A second language: every text is translated, and shown to whom it is for."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from headway.admin import JobAdmin
from headway.kinds import registry
from headway.models import Job, Status
from headway.web import formatting, outcomes, told, words
from headway.web.readable import readable
from jobs.csv_import.csv_format import BINARY
from jobs.words import DESCRIPTIONS, ENDS
from tests.support.pages import ROOT
from tests.support.stack import Valkey
from tests.texts.catalogs import APPS, PO, compiled, made, texts, tidied

FIELD = re.compile(r"\{\w*\}|%\(\w+\)s")
CATALOGS = [ROOT / app / PO for app in APPS]
TEMPLATES = [
    path
    for folder in ("headway/templates", "templates")
    for path in sorted((ROOT / folder).rglob("*.html"))
    if path.name not in ("_attributes.html", "_htmx_options.html", "change_list_results.html")
]
"""But those that have no text."""
NO_TEXT = re.compile(
    r"\{% comment.*?endcomment %\}|\{% blocktranslate.*?endblocktranslate %\}|\{%.*?%\}|\{\{.*?\}\}"
    r"|<code.*?</code>|<!--.*?-->|<!doctype html>|&\w+;",
    re.DOTALL,
)
READ = re.compile(r'(?:aria-label|placeholder|title|alt|data-asks|data-left)="([^"]*)"')
"""Attributes that people read or hear."""
TELLING = {"problem", "add_error", "ActionError", "NotAllowedError", "ValidationError", "Refusal"}
"""What is called with a sentence for users."""
FOR_PROGRAMS = {"websocket.py", "many.py", "exporting.py"}
MESSAGES = {"success", "error", "warning", "info"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogs of the code as it is."""
    if not shutil.which("xgettext"):
        pytest.skip("xgettext is missing: apt-get install gettext")
    directory = tmp_path_factory.mktemp("texts")
    made(directory)
    return directory


@pytest.mark.parametrize("app", APPS)
def test_the_catalogs_are_those_of_the_code_and_compiled(
    fresh: Path, app: str, tmp_path: Path
) -> None:
    path = ROOT / app / PO
    assert tidied(fresh / app / PO) == path.read_text(), "run python -m tests.texts"
    compiled(path, tmp_path / "django.mo")
    assert (tmp_path / "django.mo").read_bytes() == path.with_suffix(".mo").read_bytes()


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-5])
def test_every_text_has_its_translation_with_the_same_fields(path: Path) -> None:
    known = texts(path)
    assert [text.msgid for text in known if not all(text.said)] == []
    for text in known:
        for msgid, said in zip((text.msgid, text.plural), text.said, strict=False):
            assert {*FIELD.findall(said)} == {*FIELD.findall(msgid)}, msgid


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_text_of_its_own(path: Path) -> None:
    text = NO_TEXT.sub("", path.read_text())
    said = re.sub(r"<[^>]*>", "", text)
    assert [each for each in re.findall(r"[^\W\d_]{2,}", said) if each != "Headway"] == []
    assert [each for each in READ.findall(text) if re.search(r"[^\W\d_]{2,}", each)] == []


def sentences(path: Path) -> Iterator[str]:
    """Literal texts with which a file tells users something."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        of = node.func.value if isinstance(node.func, ast.Attribute) else None
        json = any(each.arg == "json" for each in node.keywords)  # for programs
        says = name in MESSAGES and getattr(of, "id", "") == "messages"
        tells = not json and (name in TELLING or says)
        for argument in node.args if tells else ():
            text = ast.unparse(argument)
            if isinstance(argument, ast.Constant | ast.JoinedStr) and " " in text:
                yield text


@pytest.mark.parametrize("folder", ["headway/web", "headway/lifecycle", "jobs", "progress"])
def test_what_pages_tell_users_is_translated(folder: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in FOR_PROGRAMS
        for text in sentences(path)
    }
    assert found == set()


def test_the_scripts_say_what_the_catalog_has() -> None:
    scripts = "\n".join(
        re.sub(r"^ *//.*$", "", path.read_text(), flags=re.MULTILINE)
        for path in (ROOT / "headway/static/headway/live").glob("*.js")
    )
    assert {*re.findall(r"\bt\('([^']+)'", scripts)} <= {*words.WORDS}
    unsaid = {text for text in words.WORDS if f"'{text}'" not in scripts}
    assert unsaid <= {*Status}  # which events name


def test_sentences_of_rows_are_those_that_workers_write() -> None:
    code = " ".join(
        path.read_text()
        for folder in ("headway", "headway/worker", "headway/lifecycle")
        for path in (ROOT / folder).glob("*.py")
    )
    code = re.sub(r'"\s+f?"', "", code)
    for sentence in told.SENTENCES:
        for part in re.split(r"\{\w+\}", sentence):
            assert part in code, sentence


def test_a_file_that_is_no_csv_file_is_called_so_in_each_language() -> None:
    sentences = {
        f"This is {what}, not a CSV file. Please save it as CSV first." for _, what in BINARY
    }
    assert sentences <= {*ENDS}


def test_the_descriptions_of_kinds_are_their_docstrings() -> None:
    shown = {kind.description for kind in registry.kinds().values() if not kind.is_internal}
    assert {*DESCRIPTIONS} <= shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Cancelled by ann", "Abgebrochen von ann"),
        (
            "Took longer than 90 s. Another attempt follows",
            "Dauerte länger als 1 min 30 s. Ein weiterer Versuch folgt",
        ),
        ("The file is empty.", "Die Datei ist leer."),
        ("Line 4: {odd} 100 % of it", "Line 4: {odd} 100 % of it"),
        ("", ""),
    ],
)
def test_what_stands_in_a_row_is_told_in_the_language_of_its_reader(
    written: str, shown: str
) -> None:
    with translation.override("de"):
        assert told.told(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Took longer than 90 s", "Took longer than 1 min 30 s"),
        ("Took longer than 3600 s", "Took longer than 1 h"),
        ("Took longer than 0.5 s", "Took longer than 0.5 s"),
        ("It did not stop within 20 s", "It did not stop within 20 s"),
        (
            "The worker disappeared (no sign of life for 134 s). Another attempt follows",
            "The worker disappeared (no sign of life for 2 min 14 s). Another attempt follows",
        ),
        ("No progress for 4 min, so it was stopped", "No progress for 4 min, so it was stopped"),
        ("Line 4: {odd} 100 % of it", "Line 4: {odd} 100 % of it"),
        ("", ""),
    ],
)
def test_a_time_in_a_row_is_told_as_times_are_elsewhere(written: str, shown: str) -> None:
    with translation.override("en-gb"):
        assert told.told(written) == shown


@pytest.mark.parametrize(
    ("kind", "text", "german"),
    [
        ("import-csv", "Importing rows", "Importiert Zeilen"),
        ("simulate", "Phase 2 of 3", "Phase 2 von 3"),
        ("import-csv", "line 371,204", "Zeile 371.204"),
        ("import-csv", "line 1,371.5%", "Zeile 1.371,5%"),
        ("import-csv", "line v3.12, 4", "Zeile v3.12, 4"),
        ("import-csv", "lines", "lines"),
        ("simulate", "Importing rows", "Importing rows"),
        ("simulate", "{step}", "{step}"),
        ("gone", "Importing rows", "Importing rows"),
        ("simulate", None, ""),
    ],
)
def test_what_a_kind_declares_that_its_tasks_say_is_shown_translated(
    kind: str, text: str | None, german: str
) -> None:
    """What it does not declare stays as the task said it; numbers are written as readers write."""
    assert told.said(text, kind) == (text or "")
    with translation.override("de"):
        assert told.said(text, kind) == german


def test_a_page_brings_the_words_of_the_kinds_that_run_on_it_and_of_no_other(
    alice: User, client: Client, valkey: Valkey
) -> None:
    """However many there are."""
    valkey.flush()
    for status in (Status.RUNNING, Status.SUCCEEDED):
        Job.objects.create(kind="simulate", title="Q3", owner=alice, status=status)
    client.force_login(alice)
    page = client.get("/", headers={"Accept-Language": "de"}).content.decode()
    assert page.count("data-says=") == page.count("Schritt {step} von {steps}") == 1
    assert "Importiert Zeilen" not in page
    assert "data-says" not in client.get("/").content.decode()


def test_results_are_told_with_the_numbers_of_the_language() -> None:
    job = Job(kind="import-csv", status=Status.SUCCEEDED, result={"rows": 49877, "share": 0.5})
    assert outcomes.outcome(job) == "49,877 rows, 0.5 share"
    with translation.override("de"):
        assert outcomes.outcome(job) == "49.877 Zeilen, 0,5 share"
        assert readable({"rows": 2, "my-share": True}).rows == [("Zeilen", "2"), ("My share", "ja")]
        assert str(JobAdmin.search_help_text).count("5.000") == 1


def test_numbers_and_days_are_written_as_the_language_does() -> None:
    with translation.override("de"):
        assert [formatting.figure(each) for each in (1234567, 1.5, 0.25)] == [
            "1.234.567",
            "1,5",
            "0,25",
        ]
        assert formatting.count({"current": 1000, "total": 2000, "unit": "kB"}) == "1 von 2 MB"
        assert formatting.day(timezone.now()) == "Heute"
        assert words.language() == "de"


def test_the_admin_names_models_and_fields_in_the_language_of_the_browser(
    boss: User, client: Client, valkey: Valkey
) -> None:
    valkey.flush()
    job = Job.objects.create(kind="simulate", owner=boss, status=Status.QUEUED)
    client.force_login(boss)
    german = {"Accept-Language": "de"}
    index = client.get("/admin/", headers=german).content.decode()
    page = client.get(f"/admin/headway/job/{job.pk}/change/", headers=german).content.decode()
    for name in ("Aufträge", "API-Token", "Verlauf"):
        assert name in index
    for name in ("Auftrag ansehen", "Begonnen am", "Warteschlange", "ohne die geheimen"):
        assert name in page
    assert "Began at" not in page


def test_pages_are_in_the_language_of_the_browser_or_of_ones_choice(
    alice: User, client: Client, valkey: Valkey
) -> None:
    valkey.flush()
    now = timezone.now()
    ended = {"started_at": now, "finished_at": now, "attempt": 1}
    job = Job.objects.create(
        kind="simulate", title="Q3", owner=alice, status=Status.LOST, reason="Revoked", **ended
    )
    client.force_login(alice)
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    page = client.get("/", headers=german).content.decode()
    for text in ('<html lang="de"', "Meine Aufträge", "Verloren", "Widerrufen", "data-words="):
        assert text in page
    assert "Revoked" not in page
    page = client.get(f"/jobs/{job.pk}/").content.decode()
    assert '<html lang="en"' in page
    assert "data-words" not in page
    client.post("/me/language/", {"language": "de", "next": "/me/"})
    assert "Ihr Konto" in client.get("/me/").content.decode()
    assert client.get("/", headers=german)["Vary"].count("Accept-Language") == 1
