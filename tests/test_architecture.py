"""Imports only point down, files stay small, and CI runs what the README says."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.support import order

ROOT = Path(settings.BASE_DIR)
ENGINE = sorted(ROOT.glob("headway/stream/**/*.py"))
APP = sorted(ROOT.glob("headway/**/*.py"))
JOBS = sorted(ROOT.glob("jobs/**/*.py"))
PROJECT = sorted(ROOT.glob("progress/*.py"))
ADAPTERS = {
    "http.py": {"django", "asgiref"},
    "admission.py": {"django", "asgiref"},
    "asking.py": {"django"},
    "ws.py": {"django", "asgiref"},
    "client.py": {"httpx"},
    "listener.py": {"hiredis"},
    "script.py": {"hiredis"},
}
FLOORS = {
    "owners": -1,
    **dict.fromkeys(("logs", "tracing"), -1),
    **dict.fromkeys(
        ("stream", "conf", "api_token", "audit_entry", "saved_question", "share_link", "notice"), 0
    ),
    **dict.fromkeys(("signals", "template_blocks", "upload"), 0),
    **dict.fromkeys(("models", "kinds", "migrations", "spreadsheets", "client", "doctor"), 1),
    "users": 2,
    "policy": 3,
    "lifecycle": 4,
    **dict.fromkeys(("worker", "web"), 5),
    **dict.fromkeys(("tasks", "ops", "templatetags", "celery_progress", "probes", "metrics"), 6),
    "health_check": 6,
    **dict.fromkeys(("admin", "checks", "project_checks"), 7),
    **dict.fromkeys(("__init__", "apps", "asgi", "celery", "management", "testing", "urls"), 8),
    "pytest_plugin": 9,
}
"""A file imports from its own room and from lower floors; rooms of one floor do not know one
another."""
LATE_IMPORTS = {
    "headway/apps.py:ready": "Django loads models between the import of this file and the call",
    "jobs/apps.py:ready": "the same",
    "headway/pytest_plugin.py:run_job": "pytest loads plugins before Django is set up",
    "headway/pytest_plugin.py:fake_time": "the same",
}
REQUIREMENTS = ["requirements.txt", "requirements-dev.txt"]
PROGRAM = re.compile(r'\bprogram\("([\w-]+)"(?:, "([\w-]+)")?\)')
"""What tests/support/programs.py is asked for, and the package that brings it."""
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 45


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> Iterator[str]:
    """Absolute names of the modules that a file imports, wherever in it."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", ENGINE, ids=name_of)
def test_the_engine_uses_the_standard_library_and_redis_alone(path: Path) -> None:
    allowed = {*sys.stdlib_module_names, "redis", *ADAPTERS.get(path.name, set())}
    own = "headway.stream"
    outside = {name for name in imported(path) if name != own and not name.startswith(f"{own}.")}
    assert {name for name in outside if name.split(".")[0] not in allowed} == set()


def room(module: str) -> str:
    """The room of a module of the app: its folder, or the file where it stands alone."""
    return module.split(".")[1] if "." in module else "__init__"


def doors(path: Path) -> Iterator[str]:
    """Modules of the app that a file imports."""
    modules = {".".join(each.relative_to(ROOT).with_suffix("").parts) for each in APP}
    for name in imported(path):
        if name.split(".")[0] == "headway":
            yield name if name in modules else name.rpartition(".")[0]


@pytest.mark.parametrize("path", APP, ids=name_of)
def test_every_file_of_the_app_stands_in_a_room_and_imports_only_from_lower_floors(
    path: Path,
) -> None:
    own = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    assert own in FLOORS, f"{own} is no room: docs/architecture.md has them"
    seen = {room(module) for module in doors(path)} - {own}
    assert {each for each in seen if FLOORS[each] >= FLOORS[own]} == set()
    assert {name for name in imported(path) if name.split(".")[0] in ("jobs", "progress")} == set()


@pytest.mark.parametrize("path", [*APP, *JOBS], ids=name_of)
def test_no_import_hides_in_a_function(path: Path) -> None:
    hidden = [
        f"{name_of(path)}:{function.name}"
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert {each for each in hidden if each not in LATE_IMPORTS} == set()


@pytest.mark.parametrize("room", sorted(p.name for p in (ROOT / "headway").iterdir() if p.is_dir()))
def test_the_files_of_a_room_import_one_another_in_one_direction(room: str) -> None:
    files = {
        ".".join(each.relative_to(ROOT).with_suffix("").parts): each
        for each in (ROOT / "headway" / room).rglob("*.py")
        if each.name != "__init__.py"
    }
    arrows = {name: {d for d in doors(each) if d in files} - {name} for name, each in files.items()}
    while free := {name for name, to in arrows.items() if not to & arrows.keys()}:
        arrows = {name: to for name, to in arrows.items() if name not in free}
    assert sorted(arrows) == [], "these import one another in a circle"


def test_the_page_on_architecture_names_every_file() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    scripts = sorted(ROOT.glob("headway/static/headway/live/*.js"))
    known = [name_of(path) for path in [*APP, *JOBS, *PROJECT, *scripts]]
    homes = ("__init__.py", "/migrations/")
    assert [
        each for each in known if f"`{each}`" not in page and not any(h in each for h in homes)
    ] == []


def test_importing_the_engine_loads_neither_django_nor_celery() -> None:
    code = "import sys, headway.stream; print({'django', 'celery', 'channels'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("path", [*APP, *JOBS, *PROJECT], ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    generated = "migrations" in path.parts
    assert generated or text.count("\n") <= MAX_FILE_LINES
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES]
    assert generated or not long


def test_files_of_tests_and_benchmarks_stay_small() -> None:
    files = [path for room in ("tests", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    assert [name_of(p) for p in files if p.read_text().count("\n") > MAX_FILE_LINES] == []


def test_the_two_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^pip install -r \S+ && .+$", readme, re.MULTILINE)
    assert [command.split()[3] for command in commands] == REQUIREMENTS
    assert [command.split(" && ")[1].split()[0] for command in commands] == ["python", "pytest"]
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert [c for c in commands if c not in {line.strip(" &") for line in script}] == []


def test_ci_installs_the_programs_that_tests_ask_for() -> None:
    """There tests without them do not skip."""
    files = [path.read_text() for path in (ROOT / "tests").rglob("*.py")]
    asked = {package or name for text in files for name, package in PROGRAM.findall(text)}
    [installed] = re.findall(r"for package in (.+); do", (ROOT / ".ci/run").read_text())
    assert asked - {*installed.split()} == set()


def test_the_files_that_go_first_or_together_exist() -> None:
    assert [name for name in order.LONG if not (ROOT / "tests" / name).is_file()] == []
    assert [name for name in order.TOGETHER if not (ROOT / name).is_dir()] == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith(("#", "-r requirements.txt"))]
    assert [
        line for line in wanted if not re.match(r"^[a-z0-9\[\]-]+==[0-9a-z.]+(;|$)", line)
    ] == []
