"""What the scripts say, in the language of a page. Their texts are English; a page in another
language brings the others (live/words.js)."""

import json
from collections.abc import Iterable

from django.utils.translation import get_language, gettext, gettext_noop

from headway.web import told

WORDS = (
    gettext_noop("Live"),
    gettext_noop("Live, every few seconds"),
    gettext_noop("No response for {age}"),
    gettext_noop("Reconnecting, updated {age} ago"),
    gettext_noop("Live updates paused, updated {age} ago"),
    gettext_noop("Sign in to keep watching"),
    gettext_noop("No longer available"),
    gettext_noop("{count} running"),
    gettext_noop("started"),
    gettext_noop("succeeded"),
    gettext_noop("failed"),
    gettext_noop("cancelled"),
    gettext_noop("lost"),
    gettext_noop("about {time}"),
    gettext_noop("up to {time}"),
    gettext_noop("{first} to {last}"),
    gettext_noop("{done} of {total}"),
    gettext_noop("No progress for {time}"),
    gettext_noop("Retry?"),
    gettext_noop("Retry"),
    gettext_noop("Back"),
    gettext_noop("“{title}” is being cancelled."),
    gettext_noop("“{title}” was cancelled."),
    gettext_noop("“{title}” is queued again."),
    gettext_noop("“{title}” runs again."),
    gettext_noop("“{title}” was not cancelled: {why}."),
    gettext_noop("“{title}” was not retried: {why}."),
    gettext_noop(
        "The connection was lost. Whether “{title}” was cancelled will be shown here once it is"
        " back."
    ),
    gettext_noop(
        "The connection was lost. Whether “{title}” is queued again will be shown here once it is"
        " back."
    ),
    gettext_noop(
        "The connection was lost. What became of “{title}” will be shown here once it is back."
    ),
    gettext_noop("“{title}”: {why}."),
    gettext_noop("The connection was lost. Press Start again: it cannot start a second job."),
    gettext_noop("it has succeeded"),
    gettext_noop("it has failed"),
    gettext_noop("its worker was lost"),
    gettext_noop("it is cancelled"),
    gettext_noop("it is queued"),
    gettext_noop("it runs"),
    gettext_noop("Try again."),
    gettext_noop("Line"),
    gettext_noop("Keyboard shortcuts"),
    gettext_noop("Show these shortcuts"),
    gettext_noop("Search"),
    gettext_noop("Next job"),
    gettext_noop("Previous job"),
    gettext_noop("Select the job"),
    gettext_noop("Start a job"),
    gettext_noop("Go to the log"),
    gettext_noop("Back to my jobs"),
    gettext_noop("Use them in this browser"),
    gettext_noop("Close"),
)
"""As the scripts write them, which tests/test_language.py compares."""


def language() -> str:
    """That of the page, as a browser names it; "" for English."""
    return "" if told.is_english() else get_language() or ""


def catalog() -> str:
    """JSON of the translated texts; "" where there are none."""
    return _translated(WORDS)


def phrases(kind: str) -> str:
    """The same of what tasks of a kind say, with {names} for what varies."""
    return _translated(told.phrases(kind))


def _translated(texts: Iterable[str]) -> str:
    translated = {text: gettext(text) for text in texts} if language() else {}
    changed = {text: said for text, said in translated.items() if said != text}
    return json.dumps(changed, ensure_ascii=False) if changed else ""
