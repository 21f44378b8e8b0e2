"""The app's scripts: what they import, and the names that they share with Python."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.conf import settings as site
from django.core.management import call_command
from django.templatetags.static import static
from django.test import Client
from pytest_django.fixtures import Settings

from headway.stream.event import KINDS, NAMES
from headway.web.scripts import ENTRY, JOB_ENTRY, JOB_MODULES, MODULES, PUBLIC, addresses
from tests.pages.conftest import MakeJob
from tests.support.protocol import SCHEMAS

STATIC = Path(site.BASE_DIR) / "headway/static"
LIVE = STATIC / "headway/live"
SCRIPTS = [STATIC / "headway/live.js", *sorted(LIVE.glob("*.js"))]
IMPORT = re.compile(r"""^import (?:\{[^}]*\} from )?'(\./[\w/.]+)';$""", re.MULTILINE)
LED = re.compile(r"""(?:from|import)\s*["'](\./[^"']+)["']""")
"""Where the imports of a file lead, which may be minified."""


def imported(path: Path) -> set[Path]:
    """All modules that a module imports, directly or not."""
    found: set[Path] = set()
    for name in IMPORT.findall(path.read_text()):
        module = (path.parent / name).resolve()
        found |= {module} | imported(module)
    return found


def test_a_page_preloads_all_that_its_script_imports() -> None:
    assert {path.stem for path in imported(STATIC / ENTRY)} == set(MODULES)
    assert {path.stem for path in imported(STATIC / JOB_ENTRY)} - set(MODULES) == set(JOB_MODULES)
    assert len(set(JOB_MODULES)) == len(JOB_MODULES)


def test_what_only_the_page_of_a_job_needs_is_loaded_there_alone(
    alices: Client, make_job: MakeJob
) -> None:
    job = alices.get(make_job().get_absolute_url()).content.decode()
    for name in ("job", *JOB_MODULES):
        assert f"headway/live/{name}.js" in job
        assert f"headway/live/{name}.js" not in alices.get("/").content.decode()


@pytest.mark.parametrize(
    "storage",
    [
        "django.contrib.staticfiles.storage.StaticFilesStorage",
        "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
        "progress.static_files.HashedFiles",
    ],
)
def test_with_any_storage_imports_lead_to_what_is_preloaded(
    settings: Settings, tmp_path: Path, storage: str
) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": storage}}
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin"])

    def follow(address: str) -> set[str]:
        text = (tmp_path / address.removeprefix(settings.STATIC_URL)).read_text()
        found = {urljoin(address, each) for each in LED.findall(text)}
        return found.union(*map(follow, found))

    assert follow(static(ENTRY)) == set(addresses())
    assert follow(static(PUBLIC)) <= set(addresses())
    assert follow(static(JOB_ENTRY)) - set(addresses()) == set(addresses(JOB_MODULES))


def test_every_export_is_imported_somewhere() -> None:
    texts = {path: path.read_text() for path in [*LIVE.glob("*.js"), STATIC / "headway/live.js"]}
    wanted = {
        name.split(" as ")[0].strip()
        for text in texts.values()
        for names in re.findall(r"^import \{([^}]*)\}", text, re.MULTILINE)
        for name in names.split(",")
    }
    given = {
        name
        for text in texts.values()
        for name in re.findall(r"^export (?:const|function) (\w+)", text, re.MULTILINE)
    }
    assert given - wanted == {"follow"}


def test_the_names_of_events_are_those_of_the_definition() -> None:
    listed = {"KINDS": KINDS, "NAMES": NAMES}
    head = "/* The names of events, from headway/stream/event.py (tests/pages/test_scripts.py). */"
    lines = [f"export const {name} = {sorted(names)};" for name, names in listed.items()]
    assert (LIVE / "events.js").read_text() == "\n".join([head, *lines, ""])
    assert SCHEMAS.keys() == NAMES


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_keeps_the_spaces_of_its_texts_when_it_is_made_small(path: Path) -> None:
    """The minifier takes a template within a template for the end of the outer one."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(), flags=re.DOTALL)
    assert re.findall(r"`[^`]*\$\{[^}`]*`", text) == []
