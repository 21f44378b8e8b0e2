"""Which blocks of a template others can fill."""

from typing import Any

from django.template import Template
from django.template.base import NodeList
from django.template.loader_tags import BlockNode, ExtendsNode


def of(template: Template) -> set[str] | None:
    """Their names; None where only a context says which template it extends. Raises
    TemplateDoesNotExist where that is not found."""
    extends = _all(template.nodelist, ExtendsNode)
    if not extends:
        return {block.name for block in _all(template.nodelist, BlockNode)}
    parent = extends[0].parent_name
    if parent.filters or not isinstance(parent.var, str):
        return None
    shown = of(template.engine.get_template(parent.var))
    if shown is None:
        return None
    for block in _all(template.nodelist, BlockNode):  # outer ones come first
        if block.name in shown:
            shown |= {inner.name for inner in _all(block.nodelist, BlockNode)}
    return shown


def _all(nodes: NodeList, kind: type) -> list[Any]:
    return nodes.get_nodes_by_type(kind)
