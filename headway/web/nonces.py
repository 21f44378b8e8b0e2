"""The nonce of a page's Content-Security-Policy, which its own scripts carry."""

from django.template import Context
from django.utils.html import format_html


def nonce_of(context: Context) -> str:
    """The attribute, or "" where the page has no nonce."""
    nonce = context.get("csp_nonce", getattr(context.get("request"), "csp_nonce", None))
    return "" if nonce is None else format_html(' nonce="{}"', str(nonce))
