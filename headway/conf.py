"""The app's settings: the project's `HEADWAY` dict over defaults that work.

HEADWAY = {"REDIS_URL": "redis://localhost:6379/2", "JOB_LEASE": 60}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver


def number(default: int, *, low: int = 1, high: int = 10**9) -> Any:
    """A field for a whole number from `low` to `high`. A database knows no time that is much more
    than 10**9 seconds ago."""
    return field(default=default, metadata={"low": low, "high": high})


SECRETS: Sequence[str] = (
    *("*password*", "*passwd*", "*pwd*", "*passphrase*", "*passcode*", "*secret*", "*credential*"),
    *("*token", "*api_key*", "*apikey*", "*access_key*", "*private_key*", "*signing_key*"),
    *("*encryption_key*", "*authorization*", "pin", "*_pin", "otp", "*_otp", "cvv", "cvc"),
)
"""Names of parameters that are secrets, as patterns of file names."""


PARTS = ("title", "head", "content")
"""Of a page: each fills one block of the base template."""


RULE = re.compile(r"[^/]+/(succeeded|failed|cancelled|lost|\*)")
"""A key of RETENTION."""


@dataclass(frozen=True)
class Settings:
    """Every key of `HEADWAY`; times are in seconds unless the name says otherwise.
    docs/operations.md says what each is for."""

    REDIS_URL: str = "redis://localhost:6379/0"
    JOB_LEASE: int = number(30)
    JOB_LEASE_RENEW: int = number(10)
    JANITOR_EVERY: int = number(5)
    JOB_REPUBLISH_AFTER: int = number(15)
    JOB_CANCEL_DEADLINE: int = number(30)
    JOB_STALLED_AFTER: int = number(120, low=0)
    JOB_HISTORY_DAYS: int = number(90, high=36_500)
    RETENTION: Mapping[str, int] = field(default_factory=dict)
    JOB_MAX_ACTIVE_PER_USER: int = number(1000, low=0)
    JOB_MAX_STARTS_PER_MINUTE: int = number(600, low=0)
    JOB_MAX_PUBLISHED_PER_USER: int = number(2, low=0)
    JOB_MAX_RUNNING_PER_USER: int = number(0, low=0)
    JOB_CANCEL_DEACTIVATED: bool = False
    JOB_SUCCESSOR: str = ""
    AUDIT_DAYS: int = number(365, high=36_500)
    JOB_SECRETS_KEPT: int = number(86400)
    SHARE_MAX_DAYS: int = number(30, low=0, high=3650)
    NOTICES: Sequence[str] = ("webhook",)
    NOTICE_MAX_TRIES: int = number(8, high=20)
    WEBHOOK_HOSTS: Sequence[str] = ()
    SITE_URL: str = ""
    JOB_SHOW_ERRORS: bool = False
    POLICY: str = "headway.policy.Policy"
    SECRET_PARAMETERS: Sequence[str] = SECRETS
    START_NEEDS_PERMISSION: bool = False
    CLIENT_ADDRESS: str = "headway.web.origins.direct"
    GROUPED_MIDDLEWARE: Sequence[str] = ()
    CSV_RAW: bool = False
    STREAM_HAND_OVER: bool = True
    LOG_MAXLEN: int = number(2000)
    LOG_TTL: int = number(86400)
    LOG_MAX_BYTES: int = number(8 * 1024**2, low=0, high=2**40)
    CAPTURE_LOGGING: Sequence[str] = ()
    STREAM_MAX_AGE: int = number(600)
    STREAM_KEEPALIVE: int = number(15)
    STREAM_TICK_MS: int = number(50)
    STREAM_MAX_BYTES: int = number(4 * 1024**2, high=2**40)
    STREAM_RECHECK: int = number(30, high=60)
    STREAM_UNREAD: int = number(30)
    STREAM_MAX: int = number(20_000)
    STREAM_MAX_PER_USER: int = number(100)
    TOKEN_MAX_PER_USER: int = number(100, low=0)
    METRICS_TOKEN: str = ""
    UPLOAD_MAX_BYTES: int = number(2 * 1024**3, high=2**40)
    BODY_MAX_BYTES: int = number(0, low=0, high=2**40)
    DOWNLOADS: str = "app"
    UPLOAD_PART_BYTES: int = number(2 * 1024**2, low=64 * 1024, high=2**30)
    UPLOAD_KEPT: int = number(86400)
    UPLOAD_MAX_PER_USER: int = number(20)
    UPLOAD_MAX_BYTES_PER_USER: int = number(8 * 1024**3, high=2**40)
    UPLOAD_DAYS: int = number(0, low=0, high=36_500)
    RESULT_DAYS: int = number(0, low=0, high=36_500)
    BASE_TEMPLATE: str = "headway/base.html"
    BLOCKS: Mapping[str, str] = field(default_factory=dict)

    @property
    def blocks(self) -> Mapping[str, str]:
        """The block of the base template for each part of a page."""
        return {part: part for part in PARTS} | dict(self.BLOCKS)


def numbers() -> dict[str, tuple[int, int, int]]:
    """Every key that is a whole number: its default, and the lowest and highest that works."""
    return {
        each.name: (cast("int", each.default), each.metadata["low"], each.metadata["high"])
        for each in _fields()
        if each.metadata
    }


def problems(given: Any) -> list[str]:
    """A sentence for each entry of a `HEADWAY` dict that cannot work."""
    if not isinstance(given, dict):
        return ["HEADWAY: use a dict of settings."]
    known = {each.name: each for each in _fields()}
    return [
        problem
        for name in given.keys() & known.keys()
        if (problem := _problem(known[name], given[name]))
    ]


def unknown(given: dict[str, Any]) -> list[str]:
    """The keys of a `HEADWAY` dict that are no settings."""
    return sorted(map(str, given.keys() - {each.name for each in _fields()}))


def _problem(known: "Field[Any]", value: Any) -> str:
    if known.metadata:
        low, high = known.metadata["low"], known.metadata["high"]
        fits = type(value) is int and low <= value <= high
        wanted = f"use a whole number from {low} to {high}"
    elif isinstance(known.default, tuple):
        fits = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
        wanted = "use a list of texts"
    elif known.name == "RETENTION":
        fits = isinstance(value, dict) and all(map(_is_rule, value, value.values()))
        wanted = (
            "use a dict from KIND/STATUS, KIND/* or */STATUS to days from 1 to 36500; a status is"
            " succeeded, failed, cancelled or lost"
        )
    elif known.default is MISSING:
        fits = isinstance(value, dict) and value.keys() <= {*PARTS}
        fits = fits and all(isinstance(each, str) and each for each in value.values())
        wanted = f"use a dict from {', '.join(PARTS)} to names of blocks"
    else:
        kind = type(known.default)
        fits, wanted = type(value) is kind, f"use a value of the type {kind.__name__}"
    return "" if fits else f"HEADWAY[{known.name!r}]: {wanted}."


def _is_rule(name: Any, days: Any) -> bool:
    known = isinstance(name, str) and RULE.fullmatch(name)
    return bool(known) and type(days) is int and 0 < days <= 36_500


def _fields() -> "list[Field[Any]]":
    return [*fields(Settings)]


@cache
def _current() -> Settings:
    known = {each.name for each in _fields()}
    given = getattr(settings, "HEADWAY", {})
    return Settings(**{name: value for name, value in given.items() if name in known})


class _Current:
    """The settings as they are now, also while a test overrides them."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_current(), name)


conf = cast(Settings, _Current())


@receiver(setting_changed)
def _reset(*, setting: str, **_: Any) -> None:
    if setting == "HEADWAY":
        _current.cache_clear()
