"""Sentences that were written into rows, in the language of whoever reads them. Workers write
English, since nobody knows who will read it."""

import re
from functools import cache

from django.utils.translation import get_language, gettext, gettext_noop, pgettext

from headway.kinds import registry
from headway.kinds.numbers import lasting, localized

NAME = re.compile(r"\{(\w+)\}")
SECONDS = re.compile(r"(\d{1,9})(?:\.0)? s")

SENTENCES = (
    gettext_noop("Cancelled"),
    gettext_noop("Cancelled by {name}"),
    gettext_noop("Called off"),
    gettext_noop("Called off by {name}"),
    gettext_noop("Cancelled, because its user was deactivated"),
    gettext_noop("Cancelled, because its user was deleted"),
    gettext_noop("Retried"),
    gettext_noop("Retried by {name}"),
    gettext_noop("Revoked"),
    gettext_noop("The worker disappeared"),
    gettext_noop("The worker disappeared (no sign of life for {time})"),
    gettext_noop("The worker was shut down"),
    gettext_noop("The worker process died"),
    gettext_noop("The worker process ran out of memory"),
    gettext_noop("The worker process was killed, as happens when memory runs out"),
    gettext_noop("The database was not available"),
    gettext_noop("{reason}, and this kind of job does not run again by itself"),
    gettext_noop("The task rejected its message"),
    gettext_noop("The task's return value cannot be stored: it is not JSON-serializable."),
    gettext_noop("Whoever asked for this may not sign in any more: nothing was done."),
    gettext_noop("Whoever asked for this may not do it any more: nothing was done."),
    gettext_noop("This person has no account any more."),
    gettext_noop("The task called sys.exit({code})"),
    gettext_noop("Took longer than {time}"),
    gettext_noop("No progress for {time}, so it was stopped"),
    gettext_noop("It did not stop within {time}"),
    gettext_noop("It was not heard of for a day after it was due"),
    gettext_noop("Expired before a worker was free"),
    gettext_noop(
        "There is no space left to store files. The operator of this site has to free some"
    ),
    gettext_noop(
        "Something unexpected went wrong. The operator of this site can look it up by the reference"
        " {reference}"
    ),
)
"""Those of the app itself, which tests/test_language.py looks for in the code."""
AGAIN = gettext_noop("{reason}. Another attempt follows")
RETRY = gettext_noop("Retry {number}: {reason}")
TRAIL = (
    gettext_noop("start"),
    gettext_noop("cancel"),
    gettext_noop("retry"),
    gettext_noop("delete"),
    gettext_noop("undo"),
    gettext_noop("undo cancel"),
    gettext_noop("undo retry"),
    gettext_noop("undo start"),
    gettext_noop("pass on"),
    gettext_noop("queued"),
    gettext_noop("running"),
    gettext_noop("cancelling"),
    gettext_noop("deleted"),
    gettext_noop("share"),
    gettext_noop("unshare"),
    gettext_noop("link revoked"),
    gettext_noop("refused: no permission"),
)
"""Verbs of the audit trail, and what came of them (lifecycle/audit.py)."""


def told(text: str) -> str:
    """`text` in the language of the viewer, if it is a sentence that is known; else as it is. A
    time that it tells in seconds is written as times are elsewhere."""
    if not text:
        return text
    if (known := gettext(text)) != text:
        return known
    for msgid, fields, pattern in _patterns():
        if found := pattern.fullmatch(text):
            values = dict(zip(fields, found.groups(), strict=True))
            if "reason" in values:
                values["reason"] = told(values["reason"])
            if "time" in values:
                values["time"] = _time(values["time"])
            return gettext(msgid).format(**values)
    return text


def without_promise(reason: str) -> str:
    """The reason of an attempt, without that another follows."""
    return reason.removesuffix(AGAIN.removeprefix("{reason}"))


def said(text: str | None, kind: str) -> str:
    """The same for a phase or a message of a task, if its kind declares it (`says`);
    live/words.js does so with what comes later."""
    if not text or is_english():
        return text or ""
    for msgid, fields, pattern in _says(phrases(kind)):
        if found := pattern.fullmatch(text):
            return _filled(gettext(msgid), dict(zip(fields, found.groups(), strict=True)))
    return text


def called(name: str) -> str:
    """A parameter or a part of a result as people write it, `rows_stored` as rows stored; and in
    the language of the viewer, if a catalog has that with the context "value"."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words if not words or is_english() else pgettext("value", words)


def phrases(kind: str) -> tuple[str, ...]:
    """What tasks of a kind say, with {names} for what varies."""
    known = registry.find(kind)
    return tuple(known.task.says) if known else ()


def is_english() -> bool:
    """Whether the viewer reads what workers write."""
    return (get_language() or "").split("-")[0] in ("", "en")


_Known = tuple[str, list[str], re.Pattern[str]]
"""A text, the names in it, and what it looks like once they are filled in."""


@cache
def _patterns() -> list[_Known]:
    return [_known(each) for each in (AGAIN, RETRY, *SENTENCES) if "{" in each]


@cache
def _says(texts: tuple[str, ...]) -> list[_Known]:
    return [_known(each) for each in texts]


def _known(text: str) -> _Known:
    parts = NAME.split(text)
    looks = "".join("(.*)" if at % 2 else re.escape(part) for at, part in enumerate(parts))
    return text, parts[1::2], re.compile(looks, re.DOTALL)


def _time(text: str) -> str:
    """3600 s as 1 h, 90 s as 1 min 30 s."""
    found = SECONDS.fullmatch(text)
    return re.sub(r" 00 (s|min)$", "", lasting(float(found[1]))) if found else text


def _filled(text: str, values: dict[str, str]) -> str:
    """An author's text has whatever else it likes in braces."""
    return NAME.sub(lambda found: localized(values.get(found[1], found[0])), text)
