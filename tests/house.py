"""Counts how the house is built: `python -m tests.house [root]`, for its packages and rooms.

Entries are the files and folders of a package, imports the pairs of them of which one imports the
other, layers the longest way down. A back edge closes a circle; a circle is counted by its entries.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median, quantiles

PACKAGES = ("headway", "jobs", "progress")
Arrows = Mapping[str, set[str]]


def arrows(package: Path, root: Path) -> Arrows:
    """Which entry of a package imports which others of it."""
    found: dict[str, set[str]] = {}
    prefix = [*package.relative_to(root).parts]
    for path in sorted(package.rglob("*.py")):
        own = _entry([*path.relative_to(root).with_suffix("").parts], prefix)
        names = {_entry(name.split("."), prefix) for name in _imported(path, root)}
        found.setdefault(own, set()).update(names - {own, ""})
    return {name: to & found.keys() for name, to in found.items()}


def _entry(module: list[str], prefix: list[str]) -> str:
    """The entry of a package that a module belongs to; "" where it belongs to another package."""
    inside = module[: len(prefix)] == prefix and len(module) > len(prefix)
    return module[len(prefix)] if inside else ""


def _imported(path: Path, root: Path) -> Iterator[str]:
    package = [*path.relative_to(root).parent.parts]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def shape(to: Arrows) -> tuple[int, int, int]:
    """Layers, back edges and the entries that stand in circles."""
    depth: dict[str, int] = {}
    back: list[tuple[str, str]] = []

    def descend(name: str, above: tuple[str, ...]) -> int:
        if name not in depth:
            below = [0]
            for each in sorted(to[name]):
                if each in (*above, name):
                    back.append((name, each))
                else:
                    below.append(descend(each, (*above, name)))
            depth[name] = 1 + max(below)
        return depth[name]

    layers = max((descend(name, ()) for name in sorted(to)), default=0)
    return layers, len(back), sum(name in _below(name, to) for name in to)


def _below(name: str, to: Arrows) -> set[str]:
    """All that an entry imports, and what that imports, and so on."""
    seen: set[str] = set()
    ahead = set(to[name])
    while ahead:
        seen |= ahead
        ahead = {each for one in ahead for each in to[one]} - seen
    return seen


def sizes(package: Path) -> str:
    """Lines of files, and of functions: the median, nine in ten, and the largest."""
    texts = [path.read_text() for path in package.rglob("*.py") if "migrations" not in path.parts]
    functions = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for text in texts
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return f"{_spread([text.count(chr(10)) for text in texts])} | {_spread(functions)}"


def _spread(numbers: list[int]) -> str:
    if len(numbers) < 2:
        return str(sum(numbers))
    most = quantiles(numbers, n=10, method="inclusive")[-1]
    return f"{median(numbers):.0f} / {most:.0f} / {max(numbers)}"


def main(root: Path) -> None:
    """Writes one line for each package and room."""
    heads = "package | entries | imports | layers | back edges | in circles | files | functions"
    sys.stdout.write(f"| {heads} |\n|{' --- |' * 8}\n")
    for top in PACKAGES:
        rooms = sorted(path.parent for path in (root / top).glob("*/__init__.py"))
        for package in (root / top, *rooms):
            to = arrows(package, root)
            counts = (len(to), sum(len(each) for each in to.values()), *shape(to))
            columns = " | ".join(str(count) for count in counts)
            name = str(package.relative_to(root))
            sys.stdout.write(f"| {name} | {columns} | {sizes(package)} |\n")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
