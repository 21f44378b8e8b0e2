"""What docs/ names exists, and its tables are those of the code."""

import ast
import inspect
import re
from pathlib import Path

import pytest
from django.conf import settings

from headway.models import Status
from headway.stream import keys
from headway.worker.current_progress import Progress

ROOT = Path(settings.BASE_DIR)
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]
DECISIONS = sorted(ROOT.glob("docs/adr/0*.md"))
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)*\.(?:py|lua|js|css|html|md|txt|toml))(?::([\w.]+))?`")
PICTURE = re.compile(r'(?:!\[[^\]]+\]\(|<img alt="[^"]+" src="|srcset=")([\w./-]+\.webp)')
"""Of which people who do not see it are told, or its dark twin."""
HEADINGS = [
    "Context",
    "Decision",
    "Consequences",
    "What would change our mind",
    "How it is checked",
]
FOLDERS = ("docs", "headway", "jobs", "progress", "static", "templates", "tests")
NAMES = {path.name for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*")} | {"tasks.py"}
"""Of files that a page may name without their folder."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def defined(path: Path) -> set[str]:
    """Functions, classes, methods and module variables of a file, methods as Class.method."""
    text = path.read_text()
    if path.suffix == ".js":
        return set(re.findall(r"(?:function|const|let) (\w+)", text))
    names = set()
    for node in ast.parse(text).body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        for prefix, one in [("", node), *((f"{getattr(node, 'name', '')}.", one) for one in inner)]:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(prefix + one.name)
            targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
            names |= {prefix + target.id for target in targets if isinstance(target, ast.Name)}
    return names


def rows(page: str) -> list[list[str]]:
    """The cells of every table row of a page."""
    lines = (ROOT / page).read_text().splitlines()
    return [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in lines if line.startswith("| ")]


def test_every_picture_is_shown_and_each_that_is_shown_is_there() -> None:
    shown = {
        (page.parent / name).resolve()
        for page in PAGES
        for name in PICTURE.findall(page.read_text())
    }
    assert shown == {*ROOT.glob("docs/pictures/**/*.webp")}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_and_function_that_a_page_names_exists(page: Path) -> None:
    missing = []
    for file, function in FILE.findall(page.read_text()):
        path = ROOT / file
        if not path.exists() and file not in NAMES:
            missing.append(file)
        elif function and function not in defined(path):
            missing.append(f"{file}:{function}")
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_to_a_file_or_a_heading_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    headings = {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if link.startswith("#") and link[1:] not in headings] == []
    files = [link.partition("#")[0] for link in links if not link.startswith("#")]
    assert [link for link in files if not (page.parent / link).exists()] == []


def test_the_table_of_progress_has_every_call_as_it_is() -> None:
    listed = {}
    for call, *_ in rows("docs/writing-tasks.md"):
        if found := re.fullmatch(r"`progress\.(\w+)(\(.*\))?`", call):
            listed[found[1]] = found[2]
    public = {name: value for name, value in vars(Progress).items() if not name.startswith("_")}
    expected = {}
    for name, value in public.items():
        parameters = () if isinstance(value, property) else inspect.signature(value).parameters
        plain = [
            str(each.replace(annotation=each.empty)).replace("'", '"')
            for each in dict(parameters).values()
        ][1:]
        expected[name] = None if isinstance(value, property) else f"({', '.join(plain)})"
    assert listed == expected


def test_the_settings_of_the_protocol_have_the_defaults_of_operations() -> None:
    defaults = {row[0].strip("`"): row[1].strip("`") for row in rows("docs/operations.md")}
    for row in rows("docs/protocol.md"):
        if found := re.fullmatch(r"`django\.conf\.settings\.(\w+)`", row[-1]):
            assert defaults[found[1]] == row[1]


def test_a_word_of_the_glossary_is_one_of_the_code() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    glossary = page.split("## Glossary")[1].split("\n## ")[0]
    words = re.findall(r"^\| (\w+) \| .+ \| `([\w/.]+\.(?:py|lua))", glossary, re.MULTILINE)
    assert len(words) == len({word for word, _ in words}) == glossary.count("\n| ") - 2
    assert [word for word, file in words if word not in (ROOT / file).read_text().lower()] == []


def test_people_who_use_the_site_find_each_status_and_each_word_of_the_corner() -> None:
    first = [row[0] for row in rows("docs/using.md")]
    assert {str(status.label) for status in Status} <= set(first)
    script = (ROOT / "headway/static/headway/live/page.js").read_text()
    chip = script.split("const CHIP = {")[1].split("};")[0]
    said = [text.strip() for text in re.findall(r"=> ['`]([\w ,]+)", chip)]
    assert len(said) == chip.count("=>")
    assert [text for text in said if text not in " ".join(first)] == []


def test_each_page_says_whom_it_is_for_and_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    for page in ROOT.glob("docs/*.md"):
        if page.name != "README.md":
            assert page.read_text().split("\n\n")[1].startswith("For "), page.name
            assert f"]({page.name})" in index


def test_every_key_in_redis_has_its_place() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    named = {
        name: value for name, value in vars(keys).items() if name.islower() and callable(value)
    }
    arguments = {"feed": "<owner>", "alive": "<role>"}
    known = [keys.LAST, *(key(arguments.get(name, "<job>")) for name, key in named.items())]
    assert len(known) > 5
    assert [key for key in known if f"`{key}`" not in text] == []


def test_the_table_of_faults_has_each_of_them_and_a_test_for_it() -> None:
    table = [row for row in rows("docs/reliability.md") if re.match(r"F\d+ ", row[0])]
    assert [row[0].split(" ")[0] for row in table] == [f"F{number}" for number in range(1, 99)]
    assert [row[0] for row in table if not re.search(r"`tests/[\w/]+\.py:test_\w+`", row[2])] == []


def test_every_status_is_explained_to_clients() -> None:
    text = (ROOT / "docs/protocol.md").read_text()
    assert [status for status in Status.values if f'"{status}"' not in text] == []


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_all_its_parts(page: Path) -> None:
    title, *headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    assert headings == HEADINGS
    number = int(page.name[:4])
    index = (ROOT / "docs/adr/README.md").read_text()
    assert f"| [{number}]({page.name}) | {title.removeprefix(f'{number}. ')} |" in index


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
