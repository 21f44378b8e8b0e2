"""Pages by key: each begins after the last row of the one before, by a cursor in the address, so
that no row is repeated or missed whatever has come meanwhile."""

import contextlib
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connections, router
from django.db.models import F, Q, Value

from headway.models import Job, JobQuerySet

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST = uuid.UUID(int=2**128 - 1)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, order=True, slots=True)
class Key:
    """Where a row stands, which no other row does: in a list the greatest is first."""

    value: int
    """Microseconds since 1970, or of a time that was taken."""
    id: uuid.UUID

    @classmethod
    def of(cls, value: datetime | timedelta, pk: uuid.UUID) -> "Key":
        passed = value - EPOCH if isinstance(value, datetime) else value
        return cls(passed // MICROSECOND, pk)

    @property
    def passed(self) -> timedelta:
        return self.value * MICROSECOND

    @property
    def moment(self) -> datetime:
        return EPOCH + self.passed

    def __str__(self) -> str:
        return f"{self.value}.{self.id.hex}"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A page begins after `after`; with `top` only rows from there on count, of those that are
    looked through."""

    after: Key
    top: Key | None = None

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """None for what is none."""
        found = re.fullmatch(r"(-?\d{1,17})\.([\da-f]{32})(?:~(\d{1,17})\.([\da-f]{32}))?", text)
        if not found:
            return None
        keys = [
            Key(int(value), uuid.UUID(key))
            for value, key in (found.group(1, 2), found.group(3, 4))
            if value
        ]
        return cls(*keys) if all(-(6 * 10**16) < key.value < 25 * 10**16 for key in keys) else None

    def __str__(self) -> str:
        return "~".join(str(key) for key in (self.after, self.top) if key)


def older(key: Key, *, itself: bool = False) -> Q:
    """Rows that come after `key` in a list of the newest; with `itself` that row as well. The first
    condition is what an index can begin at."""
    last = {"created_at": key.moment, "id__lte" if itself else "id__lt": key.id}
    return Q(created_at__lte=key.moment) & (Q(created_at__lt=key.moment) | Q(**last))


def newer(key: Key) -> Q:
    """Rows down to `key`, itself among them."""
    last = Q(created_at=key.moment, id__gte=key.id)
    return Q(created_at__gte=key.moment) & (Q(created_at__gt=key.moment) | last)


def less(key: Key) -> Q:
    """Rows after `key` in a list by a time that was taken."""
    return Q(took__lte=key.passed) & (Q(took__lt=key.passed) | Q(took=key.passed, id__lt=key.id))


def first(parts: Sequence[JobQuerySet], by: str, count: int, skip: int = 0) -> list[Key]:
    """The first rows of all parts together, by the greatest value of a field and then the id."""
    found = [(each.order_by(f"-{by}", "-id")[: skip + count], 0) for each in parts]
    return [Key.of(value, pk) for value, pk, _ in _together(found, by, count, skip)]


def groups(wanted: Sequence[tuple[Sequence[JobQuerySet], int]]) -> list[list[Key]]:
    """The newest rows of each group, so many of it, by one query."""
    found = [
        (each.order_by("-created_at", "-id")[:most], n)
        for n, (parts, most) in enumerate(wanted)
        for each in parts
    ]
    told: list[list[Key]] = [[] for _ in wanted]
    for value, pk, number in _together(found, "created_at"):
        told[number].append(Key.of(value, pk))
    return [keys[:most] for keys, (_, most) in zip(told, wanted, strict=True)]


def _together(
    parts: Sequence[tuple[JobQuerySet, int]], by: str, count: int | None = None, skip: int = 0
) -> Iterable[Any]:
    """Rows of parts that each find their own along an index: value, id, and the mark of the part;
    sorted. Each part is a query within, since SQLite takes no limit in a part of a compound one."""
    connection = connections[router.db_for_read(Job)]
    arms, values = list[str](), list[Any]()
    for jobs, mark in parts:
        rows = jobs.annotate(key=F(by), mark=Value(mark)).values_list("key", "id", "mark")
        if len(parts) == 1:
            return rows[skip : skip + count] if count else rows
        compiler = rows.query.get_compiler(connection=connection)
        with contextlib.suppress(EmptyResultSet):
            sql, given = compiler.as_sql()
            arms.append(f"SELECT * FROM ({sql}) AS part{len(arms)}")  # noqa: S608 - by the ORM
            values += given
            converters = compiler.get_converters([column for column, *_ in compiler.select])
    if not arms:
        return []
    ordered = f"{' UNION ALL '.join(arms)} ORDER BY 1 DESC, 2 DESC"
    with connection.cursor() as cursor:
        cursor.execute(f"{ordered} LIMIT {count} OFFSET {skip}" if count else ordered, values)
        return list(compiler.apply_converters(cursor.fetchall(), converters))
