"""The app's scripts, which are ES modules, and where a page finds them."""

import json
from urllib.parse import urljoin

from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.utils.safestring import SafeString

ENTRY = "headway/live/page.js"
"""What makes a page live; it imports the others."""
PUBLIC = "headway/live.js"
"""What other people's scripts import."""
MODULES = (
    *(
        "ages",
        "asking",
        "bars",
        "channel",
        "clicks",
        "connection",
        "copying",
        "dom",
        "element",
        "events",
        "list",
        "locks",
    ),
    *(
        "notify",
        "own_htmx",
        "reasons",
        "record",
        "settings",
        "still",
        "strip",
        "tabs",
        "times",
        "turns",
    ),
    "words",
)
"""Of live/: those that ENTRY imports, directly or not, for a browser to load all at once."""


def import_map() -> SafeString:
    """The JSON by which a page's own scripts find `follow` under a name that does not change."""
    text = json.dumps({"imports": {PUBLIC: static(PUBLIC)}})
    return SafeString(text.replace("<", "\\u003c"))  # no markup can end the element


def addresses() -> list[str]:
    """Of MODULES, as their imports lead to them: a storage that puts hashes into names may or may
    not put them into imports (`support_js_module_import_aggregation`)."""
    names = [f"headway/live/{name}.js" for name in MODULES]
    if getattr(staticfiles_storage, "support_js_module_import_aggregation", False):
        return [static(name) for name in names]
    entry = static(ENTRY)
    return [urljoin(entry, name.rpartition("/")[2]) for name in names]
