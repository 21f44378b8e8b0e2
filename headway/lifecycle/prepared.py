"""Statements whose SQL Django builds once: to build it takes several times as long as to run it,
and it is the same for every job (docs/performance.md, jobs)."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

from django.db import connections, models
from django.db.models.expressions import Expression
from django.db.models.sql import DeleteQuery, InsertQuery, UpdateQuery

from headway.lifecycle import database
from headway.models import Job

KEY = models.AutoField
PLAIN: dict[type, Any] = {
    str: (models.CharField, models.TextField),
    int: models.IntegerField,
    float: models.FloatField,
}
"""Values that every database's driver takes as they are, and the fields whose values they are."""
AT_ONCE = 500
"""Rows that one statement inserts, where the database takes so many."""


class Given(Expression):
    """Stands in a statement for a value that is given whenever it is executed."""

    def __init__(self, name: str, field: Any = None) -> None:
        """`field` is that of the column which it is compared with, or written to; by itself the
        job's of this name."""
        if field is None:
            field = Job._meta.pk if name == "pk" else Job._meta.get_field(name)
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        """Its place, and itself as the parameter."""
        del compiler, connection
        return "%s", [self]

    def of(self, given: Mapping[str, Any], connection: Any) -> Any:
        """What the database's driver takes."""
        return _sent(self.output_field, given[self.name], connection)


class Each(Given):
    """Stands for one of a list that is given; where the list is shorter, for its last."""

    def __init__(self, name: str, number: int, field: Any = None) -> None:
        super().__init__(name, field)
        self.number = number

    def of(self, given: Mapping[str, Any], connection: Any) -> Any:
        """As Given."""
        values = given[self.name]
        value = values[min(self.number, len(values) - 1)]
        return _sent(self.output_field, value, connection)


class Statement(NamedTuple):
    """SQL, and what is to be sent with it."""

    sql: str
    params: Sequence[Any]

    def execute(self, cursor: Any, given: Mapping[str, Any]) -> None:
        """`given`: a value for each name of a Given."""
        db = cursor.db
        cursor.execute(
            self.sql, [p.of(given, db) if isinstance(p, Given) else p for p in self.params]
        )


Update = tuple[models.QuerySet[Any], Mapping[str, Any]]
"""Rows, and what is changed in them."""


def select(build: Callable[..., models.QuerySet[Any, Any]], *shape: Any, **given: Any) -> list[Any]:
    """The rows that `build(*shape)` finds, which has Given for what differs from call to call; as
    the database's driver returns them."""
    return _selected(database.alias(), build, shape, given)


def converted(
    build: Callable[..., models.QuerySet[Any, Any]], *shape: Any, **given: Any
) -> list[list[Any]]:
    """As `select`, with values as Django returns them."""
    return found(database.alias(), build, *shape, **given)


def found(
    using: str, build: Callable[..., models.QuerySet[Any, Any]], /, *shape: Any, **given: Any
) -> list[list[Any]]:
    """As `converted`, in any database."""
    connection = connections[using]
    rows = [[*row] for row in _selected(using, build, shape, given)]
    for number, converters, column in _converting(build, shape, using):
        for row in rows:
            for convert in converters:
                row[number] = convert(row[number], column, connection)
    return rows


def delete(build: Callable[..., models.QuerySet[Any]], *shape: Any, **given: Any) -> int:
    """How many rows `build(*shape)` has found, which are deleted without signals and what belongs
    to them."""
    with database.connection().cursor() as cursor:
        deleting(build, *shape).execute(cursor, given)
        return int(cursor.rowcount)


def selecting(build: Callable[..., models.QuerySet[Any, Any]], *shape: Any) -> Statement:
    """The SELECT of `build(*shape)`, built before it is needed: nobody is to hold a lock for as
    long as that takes."""
    return _selecting(build, shape, database.alias())


def converting(build: Callable[..., models.QuerySet[Any, Any]], *shape: Any) -> list[Any]:
    """As `selecting`, what `converted` does with its rows."""
    return _converting(build, shape, database.alias())


def deleting(build: Callable[..., models.QuerySet[Any]], *shape: Any) -> Statement:
    """As `selecting`, the DELETE."""
    return _deleting(build, shape, database.alias())


def update(build: Callable[..., Update], *shape: Any, **given: Any) -> int:
    """How many rows `build(*shape)` has changed."""
    with database.connection().cursor() as cursor:
        updating(build, shape, database.alias()).execute(cursor, given)
        return int(cursor.rowcount)


@cache
def updating(build: Callable[..., Update], shape: Sequence[Any], using: str) -> Statement:
    """The UPDATE that `build(*shape)` describes."""
    return changing(*build(*shape), using)


def changing(rows: models.QuerySet[Any], changes: Mapping[str, Any], using: str) -> Statement:
    """The UPDATE of rows, built now."""
    query: Any = rows.query.chain(UpdateQuery)
    query.clear_ordering(force=True)
    query.add_update_values(changes)
    return Statement(*query.get_compiler(using).as_sql())


def insertion(row: models.Model, using: str) -> tuple[str, list[Any]]:
    """The INSERT of a new row, all of whose values are plain, and its parameters. The key that the
    database gives it stays unknown."""
    statement, fields = _inserting(type(row), using)
    return statement, _values(row, fields, connections[using])


def insert_all(rows: Sequence[models.Model]) -> None:
    """Inserts new rows of one model as `bulk_create` does, at half of its cost; their values are
    plain. To be called within a transaction."""
    using = database.alias()
    connection = connections[using]
    many, _ = _inserting(type(rows[0]), using, 2)
    one, fields = _inserting(type(rows[0]), using)
    insert, _, values = one.rpartition(" VALUES ")
    most = min(AT_ONCE, (connection.features.max_query_params or 10**6) // len(fields))
    with connection.cursor() as cursor:
        for first in range(0, len(rows), most):
            some = [_values(row, fields, connection) for row in rows[first : first + most]]
            if "UNNEST" in many:  # to PostgreSQL Django sends an array for each column
                cursor.execute(many, [[*column] for column in zip(*some, strict=True)])
            else:
                places = ", ".join([values] * len(some))
                cursor.execute(f"{insert} VALUES {places}", [*chain.from_iterable(some)])
    for row in rows:
        row._state.adding, row._state.db = False, using


def _values(row: models.Model, fields: Sequence[Any], connection: Any) -> list[Any]:
    return [_sent(field, field.pre_save(row, True), connection) for field in fields]


def _sent(field: Any, value: Any, connection: Any) -> Any:
    # As they are: two thirds of a job's values, and of the time that Django takes over them
    kinds: Any = type(field), type(value)
    if value is None or _is_plain(*kinds):
        return value
    return field.get_db_prep_save(value, connection)


@cache
def _is_plain(field: "type[models.Field[Any, Any]]", value: type) -> bool:
    return any(value is plain and issubclass(field, fields) for plain, fields in PLAIN.items())


def _selected(
    using: str, build: Callable[..., Any], shape: Sequence[Any], given: Mapping[str, Any]
) -> list[Any]:
    with connections[using].cursor() as cursor:
        _selecting(build, shape, using).execute(cursor, given)
        return list(cursor.fetchall())


@cache
def _selecting(build: Callable[..., Any], shape: Sequence[Any], using: str) -> Statement:
    return Statement(*build(*shape).query.get_compiler(using).as_sql())


@cache
def _converting(build: Callable[..., Any], shape: Sequence[Any], using: str) -> list[Any]:
    compiler = build(*shape).query.get_compiler(using)
    compiler.as_sql()
    found = compiler.get_converters([column for column, *_ in compiler.select])
    return [(number, converters, column) for number, (converters, column) in found.items()]


@cache
def _deleting(build: Callable[..., Any], shape: Sequence[Any], using: str) -> Statement:
    query: Any = build(*shape).query.chain(DeleteQuery)
    query.clear_ordering(force=True)
    return Statement(*query.get_compiler(using).as_sql())


@cache
def _inserting(model: type[models.Model], using: str, number: int = 1) -> tuple[str, list[Any]]:
    fields: list[Any] = [f for f in model._meta.concrete_fields if not isinstance(f, KEY)]
    query = InsertQuery(model)
    query.insert_values(fields, [model() for _ in range(number)])
    ((statement, _),) = query.get_compiler(using).as_sql()
    return statement, fields
