"""The warnings of an attempt by their reason: how many, and which for example."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

MAX_GROUPS, EXAMPLES = 10, 5
_VARIES = re.compile(r"""'[^']*'|"[^"]*"|“[^”]*”|[0-9]+(?:[.,][0-9]+)*""")
"""What of a reason is about one item only: what it quotes, and numbers."""


@dataclass
class Group:
    """Warnings whose reasons differ only in what they quote and in numbers."""

    reason: str
    count: int = 0
    share: float = 0.0
    """Of all that were grouped, in percent."""
    examples: list[str] = field(default_factory=list)
    """Their items, with the reason where it is not the group's."""


def grouped(warnings: Iterable[Mapping[str, str]]) -> tuple[list[Group], int]:
    """The largest groups, and how many warnings are in others."""
    members: dict[str, list[Mapping[str, str]]] = {}
    for warning in warnings:
        members.setdefault(_VARIES.sub("…", warning["reason"]), []).append(warning)
    every = sum(map(len, members.values()))
    largest = sorted(members.items(), key=lambda each: -len(each[1]))[:MAX_GROUPS]
    groups = [_group(pattern, alike, every) for pattern, alike in largest]
    return groups, every - sum(group.count for group in groups)


def _group(pattern: str, alike: list[Mapping[str, str]], every: int) -> Group:
    same = len({warning["reason"] for warning in alike}) == 1
    examples = [
        warning["item"] if same else f"{warning['item']}: {warning['reason']}"
        for warning in alike[:EXAMPLES]
    ]
    reason = alike[0]["reason"] if same else pattern
    return Group(reason, len(alike), round(100 * len(alike) / every, 1), examples)
