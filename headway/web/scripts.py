"""The app's scripts, which are ES modules, and where a page finds them."""

import json
from collections.abc import Sequence
from urllib.parse import urljoin

from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.utils.safestring import SafeString

ENTRY = "headway/live/page.js"
"""What makes a page live; it imports the others."""
JOB_ENTRY = "headway/live/job.js"
"""What the page of one job has besides."""
PUBLIC = "headway/live.js"
"""What other people's scripts import."""
MODULES = (
    *("ages", "bars", "channel", "clicks", "connection", "dom", "element", "events", "extras"),
    *("list", "locks", "notify", "own_htmx", "reasons", "settings", "still", "tabs", "times"),
    *("turns", "words"),
)
"""Of live/: those that ENTRY imports, directly or not, for a browser to load all at once."""
JOB_MODULES = (
    *("asking", "copying", "left", "log", "log_keys", "log_lines", "log_store", "log_tools"),
    *("parts", "record", "strip"),
)
"""Those that only JOB_ENTRY imports."""


def import_map() -> SafeString:
    """The JSON by which a page's own scripts find `follow` under a name that does not change."""
    text = json.dumps({"imports": {PUBLIC: static(PUBLIC)}})
    return SafeString(text.replace("<", "\\u003c"))  # no markup can end the element


def addresses(modules: Sequence[str] = MODULES) -> list[str]:
    """Of some of MODULES or JOB_MODULES, as imports lead to them: a storage that puts hashes into
    names may or may not put them into imports (`support_js_module_import_aggregation`)."""
    names = [f"headway/live/{name}.js" for name in modules]
    if getattr(staticfiles_storage, "support_js_module_import_aggregation", False):
        return [static(name) for name in names]
    entry = static(ENTRY)
    return [urljoin(entry, name.rpartition("/")[2]) for name in names]
