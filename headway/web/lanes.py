"""Who ran what in the last hour, drawn as SVG: a lane for each thing that a worker does at the same
time, and on it a block for each job, to scale."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from headway.web.charts import number

HEIGHT = 16
"""Pixels of a lane, with the gap below it."""
MOST = 32
"""Lanes that are drawn; what would need more is left out and counted."""
IDLE = 8
"""Empty lanes that are drawn at most."""
NARROWEST = 0.35
"""Percent of the width that a block takes at least."""


@dataclass(frozen=True)
class Block:
    """A job on a lane; `begin` and `end` are percent of the time that is drawn."""

    begin: float
    end: float
    status: str
    told: str
    href: str = ""
    id: str = ""


def placed(blocks: Iterable[Block]) -> list[list[Block]]:
    """On as few lanes as it takes, each block on the first that is free when it begins."""
    lanes: list[list[Block]] = []
    for block in sorted(blocks, key=lambda each: (each.begin, each.end)):
        for lane in lanes:
            if lane[-1].end <= block.begin:
                lane.append(block)
                break
        else:
            lanes.append([block])
    return lanes


def lanes(title: str, blocks: Sequence[Block], slots: int) -> tuple[SafeString, int]:
    """The picture, and how many blocks are left out of it. `slots`: what can run at once."""
    used = placed(blocks)
    count = max(1, min(MOST, max(len(used), min(slots, IDLE))))
    left_out = sum(map(len, used[count:]))
    height = count * HEIGHT
    tracks = format_html_join(
        "",
        '<rect class="lane" fill="#ddd" y="{}" width="100%" height="{}" rx="3"/>',
        ((index * HEIGHT, HEIGHT - 3) for index in range(count)),
    )
    drawn = format_html_join(
        "",
        "{}",
        ((_block(block, index),) for index, lane in enumerate(used[:count]) for block in lane),
    )
    svg = format_html(
        '<svg class="chart-lanes" width="100%" height="{}" role="group" aria-label="{}">{}{}</svg>',
        *(height, title, tracks, drawn),
    )
    return svg, left_out


def _block(block: Block, lane: int) -> SafeString:
    begin, end = max(0.0, min(block.begin, 100.0)), max(0.0, min(block.end, 100.0))
    width = max(NARROWEST, end - begin)
    rect = format_html(
        '<title>{}</title><rect data-status="{}" fill="#777"'
        ' x="{}%" y="{}" width="{}%" height="{}" rx="3"/>',
        *(block.told, block.status, number(min(begin, 100 - width)), lane * HEIGHT),
        *(number(width), HEIGHT - 3),
    )
    if not block.href:
        return format_html("<g>{}</g>", rect)
    return format_html(
        '<a href="{}" id="{}" aria-label="{}">{}</a>', block.href, block.id, block.told, rect
    )
