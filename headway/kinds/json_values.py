"""Converts Python values to what fits into a JSON column of every database."""

import json
import math
from enum import Enum
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder


def parameter(value: Any) -> Any:
    """`value` as JSON keeps it, exactly. Raises ValueError with a sentence when it cannot."""
    try:
        plain = json.loads(json.dumps(value, default=_enum_value))
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"it cannot be stored as JSON ({error})") from error
    if plain != _tidy(plain):
        raise ValueError("it contains NaN, infinity or a character that cannot be stored")
    return plain


def result(value: Any) -> Any:
    """`value` as JSON, dates and decimals as text, NaN as null. Raises TypeError or ValueError."""
    return _tidy(json.loads(json.dumps(value, cls=DjangoJSONEncoder)))


def text(value: str, limit: int) -> str:
    """`value` without NUL and lone surrogates, at most `limit` characters."""
    cleaned: str = _tidy(value)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def span(seconds: float) -> str:
    """How long something has lasted, rounded down: 90 s, 4 min, 3 h."""
    if seconds < 120:
        return f"{int(seconds)} s"
    return f"{int(seconds // 60)} min" if seconds < 7200 else f"{int(seconds // 3600)} h"


def _enum_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(
        f"{type(value).__name__} is not text, a number, true, false, null, list or dict"
    )


def _tidy(value: Any) -> Any:
    if isinstance(value, dict):
        return {_tidy(key): _tidy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
