"""What the app's own pages need to work in any base template."""

from datetime import UTC, datetime
from typing import Any

from django import template
from django.template.base import Parser, Token
from django.template.loader_tags import BlockNode
from django.templatetags.static import static
from django.utils import timezone

from headway.conf import conf
from headway.web import scripts
from headway.web.nonces import nonce_of
from headway.web.timeline import span, timeline

register = template.Library()
register.simple_tag(timeline)
register.filter(span)


@register.inclusion_tag("headway/_job_head.html", takes_context=True)
def job_head(context: template.Context, *, shared: bool = False) -> dict[str, Any]:
    """The style sheet and scripts that only the page of a job needs, or one that is `shared`."""
    modules = () if shared else scripts.addresses(scripts.JOB_MODULES)
    script = static(f"headway/live/{'shared' if shared else 'job'}.js")
    return {"nonce": nonce_of(context), "modules": modules, "script": script}


@register.filter
def line_time(milliseconds: int) -> str:
    """When a line was written, by the viewer's clock: 19:49:12.031."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return timezone.localtime(moment).strftime("%H:%M:%S.%f")[:-3]


@register.tag
def page_block(parser: Parser, token: Token) -> BlockNode:
    """`{% page_block title %}...{% end_page_block %}`: fills the block of the base template that
    `HEADWAY["BLOCKS"]` names for this part of a page."""
    _, part = token.split_contents()
    nodes = parser.parse(("end_page_block",))
    parser.delete_first_token()
    return BlockNode(conf.blocks[part], nodes)
