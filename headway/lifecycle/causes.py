"""By which error a job failed, in 16 characters that are the same for the same cause: its kind,
where the error was raised, its type, and its text without what differs from job to job."""

import hashlib
import re

LENGTH = 16
CAUSE = re.compile(rf"[0-9a-f]{{{LENGTH}}}")
HEAD = "Traceback (most recent call last):\n"
FRAME = re.compile(r' +File "(?:.*[/\\])?([^"/\\]+)", line \d+, in (\S+)')
IN_GROUP = re.compile(r" *\| ?")
"""What stands before each line of an exception in a group."""
OUT_OF_TIME = "Took longer than "
"""How the reason begins where a limit of time was what stopped a job, wherever it was then."""
DIFFERS = re.compile(
    r"reference [A-Z0-9]{8}\b"
    r"|'[^'\n]*'|\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`"
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\b0x[0-9a-fA-F]+\b|/\S+"
    r"|\d[\d.,:_]*"
)
"""What texts of the same error have different: what is quoted, paths, ids and numbers."""
TEXT = 300
"""Characters of a text that count."""
LOOKED_AT = 10 * TEXT
"""Characters that are looked at for them: quotes that do not end take quadratic time."""


def fingerprint(kind: str, reason: str, error: str = "") -> str:
    """Of the kind of a job, the reason that users read, and the traceback where there is one. Line
    numbers do not count, which every deploy moves."""
    where, raised = ("", "") if reason.startswith(OUT_OF_TIME) else _raised(error)
    text = DIFFERS.sub("?", (raised or reason)[:LOOKED_AT])[:TEXT]
    return hashlib.sha256(f"{kind}|{where}|{text}".encode("utf-8", "replace")).hexdigest()[:LENGTH]


def last_line(error: str) -> str:
    """What a traceback says in the end: KeyError: 'amount'."""
    return _raised(error)[1]


def _raised(error: str) -> tuple[str, str]:
    """In which file and function the last exception of a traceback was raised, and its line."""
    where = ""
    for line in error.rpartition(HEAD)[2].splitlines():
        bare = IN_GROUP.sub("", line, count=1) if "|" in line[:40] else line
        if frame := FRAME.match(bare):
            where = ":".join(frame.groups())
        elif where and bare[:1].strip():
            return where, bare
    return where, ""
