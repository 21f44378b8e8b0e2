"""What the app's own pages need to work in any base template."""

from django import template
from django.template.base import Parser, Token
from django.template.loader_tags import BlockNode

from headway.conf import conf
from headway.web.timeline import timeline

register = template.Library()
register.simple_tag(timeline)


@register.tag
def page_block(parser: Parser, token: Token) -> BlockNode:
    """`{% page_block title %}...{% end_page_block %}`: fills the block of the base template that
    `HEADWAY["BLOCKS"]` names for this part of a page."""
    _, part = token.split_contents()
    nodes = parser.parse(("end_page_block",))
    parser.delete_first_token()
    return BlockNode(conf.blocks[part], nodes)
