"""How an attempt went over time: when its phases began, and samples of its percent and rate.
Bounded, however long it takes. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from .event import Phase, Sample, clean

EVERY = 0.25
"""Seconds between two samples at first; doubled whenever there are too many."""
MAX_SAMPLES = 120
MAX_PHASES = 100


class Course:
    """Times are in seconds since the attempt began, so that no clock that is set moves them."""

    def __init__(self, phases: Iterable[Phase] = (), samples: Iterable[Sample] = ()) -> None:
        """Goes on from what is known."""
        self.phases: list[Phase] = [*phases]
        self.samples: list[Sample] = [*samples]
        self._every = EVERY

    def enter(self, name: object, at: float) -> None:
        """Notes that a phase has begun. Those after MAX_PHASES go by the name of "…", as one."""
        name = clean(name, 100) if len(self.phases) < MAX_PHASES - 1 else "…"
        if self.phases and self.phases[-1]["name"] == name:
            return
        self.end(at)
        self.phases.append({"name": name, "started": round(at, 3), "ended": None})

    def end(self, at: float) -> None:
        """Notes that the newest phase is over, unless it was."""
        if self.phases and self.phases[-1]["ended"] is None:
            self.phases[-1]["ended"] = round(max(at, self.phases[-1]["started"]), 3)

    def sample(self, at: float, percent: float | None, rate: float | None) -> None:
        """Notes how far it is, unless that was noted a moment ago or nothing is known."""
        since = self.samples[-1][0] + self._every if self.samples else 0.0
        if at < since or (percent is None and rate is None):
            return
        self.samples.append((round(at, 2), percent, rate))
        if len(self.samples) >= MAX_SAMPLES:
            self.samples = self.samples[::2]
            self._every = 2 * max(self._every, at / MAX_SAMPLES)

    def hear(self, progress: Mapping[str, Any]) -> None:
        """Notes what a later `progress` tells."""
        at: float | None = progress.get("elapsed")
        newest = self.samples[-1][0] if self.samples else 0.0
        if at is None or at < max(newest, self.phases[-1]["started"] if self.phases else 0.0):
            return
        if progress.get("phase"):
            self.enter(progress["phase"], at)
        self.sample(at, progress.get("percent"), progress.get("rate"))

    def copy(self) -> tuple[list[Phase], list[Sample]]:
        """Phases and samples so far."""
        return [phase.copy() for phase in self.phases], [*self.samples]
