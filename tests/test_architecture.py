"""Imports only point down, files stay small, and CI runs what the README says."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
ENGINE = sorted(ROOT.glob("headway/stream/**/*.py"))
APP = sorted(ROOT.glob("jobs/**/*.py"))
PROJECT = sorted(ROOT.glob("progress/*.py"))
ADAPTERS = {
    "http.py": {"django", "asgiref"},
    "ws.py": {"django", "asgiref", "channels"},
    "client.py": {"httpx"},
}
LONGEST_FILE = 300
LONGEST_FUNCTION = 45


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


@pytest.mark.parametrize("path", APP, ids=name_of)
def test_the_app_knows_the_engine_and_not_the_project(path: Path) -> None:
    upward = {name for name in imported(path) if name.split(".")[0] == "progress"}
    assert {name for name in upward if not name.startswith("headway.stream")} == set()


def test_importing_the_engine_loads_neither_django_nor_celery() -> None:
    code = "import sys, headway.stream; print({'django', 'celery', 'channels'} & {*sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("path", [*ENGINE, *APP, *PROJECT], ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    functions = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= LONGEST_FUNCTION]
    assert "migrations" in path.parts or not long


def test_the_two_commands_of_the_readme_are_the_ones_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = re.findall(r"^pip install -r requirements.txt && .+$", readme, re.MULTILINE)
    assert [command.split(" && ")[1].split()[0] for command in commands] == ["python", "pytest"]
    script = (ROOT / ".ci/run").read_text().splitlines()
    assert [c for c in commands if c not in {line.strip(" &") for line in script}] == []


def test_every_requirement_is_pinned_exactly() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert [
        line for line in wanted if not re.match(r"^[a-z0-9\[\]-]+==[0-9a-z.]+(;|$)", line)
    ] == []
