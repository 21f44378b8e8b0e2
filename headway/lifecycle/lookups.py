"""Rows that are looked up by their keys for each stream: by statements that are built once
(prepared.py), where Django's own code alone says what a manager finds."""

from collections.abc import Callable, Collection
from typing import Any

from django.db.models import Manager, QuerySet

from headway.lifecycle import prepared

SIZES = 1, 10, 100, 500
"""Numbers of keys that there are statements for."""
OWN = "filter", "get", "get_queryset"
Find = Callable[..., QuerySet[Any, Any]]


def values(find: Find, manager: "Manager[Any]", keys: Collection[Any], **given: Any) -> list[Any]:
    """The rows of `find(manager, keys, **given)`, of `values_list`."""
    if not keys:
        return []
    if not _is_built(manager, keys):
        return [*find(manager, keys, **given)]
    shape = (find, manager, _size(keys), tuple(given))
    return prepared.found(manager.db, _shaped, *shape, keys=[*keys], **given)


def people(manager: "Manager[Any]", keys: Collection[Any]) -> dict[Any, Any]:
    """As `in_bulk`: objects by key."""
    if not keys:
        return {}
    if not _is_built(manager, keys):
        return {**manager.in_bulk(keys)}
    model, using = manager.model, manager.db
    rows = prepared.found(using, _shaped, _all, manager, _size(keys), (), keys=[*keys])
    names = [field.attname for field in model._meta.concrete_fields]
    found = [model.from_db(using, names, row) for row in rows]
    return {each.pk: each for each in found}


def _is_built(manager: "Manager[Any]", keys: Collection[Any]) -> bool:
    """Whether there is a statement for so many, and the manager has the same SQL each time."""
    kind: Any = type(manager)
    own = all(getattr(kind, name) is getattr(Manager, name) for name in OWN)
    return own and kind._queryset_class is QuerySet and len(keys) <= SIZES[-1]


def _all(manager: "Manager[Any]", keys: Collection[Any]) -> QuerySet[Any]:
    return manager.filter(pk__in=keys)


def _shaped(
    find: Find, manager: "Manager[Any]", size: int, names: Collection[str]
) -> QuerySet[Any, Any]:
    meta: Any = manager.model._meta
    keys = [prepared.Each("keys", number, meta.pk) for number in range(size)]
    given = {name: prepared.Given(name, meta.get_field(name)) for name in names}
    return find(manager, keys, **given)


def _size(keys: Collection[Any]) -> int:
    return next(size for size in SIZES if size >= len(keys))
