"""Draws jobs in a terminal: bars if the cursor can be moved, else a line for each change."""

from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from headway.models import TERMINAL, Status
from headway.stream.event import Snapshot
from headway.web.formatting import count, rate, stall

COLOURS = {
    Status.SUCCEEDED: "green",
    Status.FAILED: "red",
    Status.CANCELLED: "yellow",
    Status.LOST: "yellow",
}


def draw(snapshots: Iterable[Snapshot], out: TextIO) -> dict[str, Snapshot]:
    """Shows the jobs, each as its snapshots come, until there are no more; the last of each."""
    console = Console(file=out)
    movable = console.is_terminal and not console.is_dumb_terminal
    show = _bars if movable else _lines
    return show(snapshots, console)


def is_over(snapshot: Snapshot) -> bool:
    return snapshot["status"] in TERMINAL


def _bars(snapshots: Iterable[Snapshot], console: Console) -> dict[str, Snapshot]:
    known: dict[str, Snapshot] = {}
    tasks: dict[str, TaskID] = {}
    columns = (
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[says]}"),
    )
    with Progress(*columns, console=console) as bars:
        for snapshot in snapshots:
            job = snapshot["job"]
            known[job] = snapshot
            if job not in tasks:
                tasks[job] = bars.add_task("", total=None, says="")
            over, percent = is_over(snapshot), snapshot["percent"]
            colour = COLOURS.get(Status(snapshot["status"]), "blue")
            bars.update(
                tasks[job],
                description=f"[{colour}]{escape(_name(snapshot))}[/]",
                # Without a total the bar pulses; an ended job's stands still.
                total=100 if over or percent is not None else None,
                completed=percent or 0,
                says=escape(_says(snapshot)),
            )
            if over:
                bars.stop_task(tasks[job])
    return known


def _lines(snapshots: Iterable[Snapshot], console: Console) -> dict[str, Snapshot]:
    """A line when the status, the attempt, the phase or the tens of the percent change, and when
    it stalls and goes on."""
    known: dict[str, Snapshot] = {}
    said: dict[str, tuple[Any, ...]] = {}
    for snapshot in snapshots:
        job = snapshot["job"]
        known[job] = snapshot
        tens = int((snapshot["percent"] or 0) // 10)
        stalled = snapshot["stalled"]
        new = (snapshot["status"], snapshot["attempt"], snapshot["phase"], tens, stalled)
        if said.get(job) != new:
            said[job] = new
            console.print(
                f"{_name(snapshot)} {_says(snapshot)}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    return known


def _name(snapshot: Snapshot) -> str:
    return f"{_plain(snapshot['title'])} {snapshot['job'][:8]}"


def _says(snapshot: Snapshot) -> str:
    """Status, percent, phase, what is done, the rate and what is left, or why it ended."""
    over, percent, eta = is_over(snapshot), snapshot["percent"], snapshot["eta"]
    parts = [
        str(snapshot["status"]),
        f"(attempt {snapshot['attempt']})" if snapshot["attempt"] > 1 else "",
        f"{percent:.0f}%" if percent is not None else "",
        snapshot["phase"],
        "" if over and percent is not None else count(snapshot),
    ]
    if over:
        parts.append(snapshot["reason"])
    else:
        parts.append(rate(snapshot["rate"], snapshot["unit"]))
        parts.append(f"{_clock(eta)} left" if eta is not None else "")
        parts.append(stall(snapshot["quiet"] or 0) if snapshot["stalled"] else "")
    return "  ".join(_plain(part) for part in parts if part)


def _plain(text: str) -> str:
    """Without the characters that steer terminals: texts come from tasks and their files."""
    return "".join(char if char.isprintable() else " " for char in text)


def _clock(seconds: float) -> str:
    """75 as 1:15, 3675 as 1:01:15."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
