"""Statements that are compiled once: what every call runs goes to the driver as text and values.

Building a statement, finding its compiled form and wrapping its rows takes SQLAlchemy several times as long as SQLite
takes to run it. A prepared one is written with Core all the same, so it holds for every database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import BindParameter, ClauseElement, Connection, Insert, LargeBinary, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from mlv_core.deferred import dataclass

JOINED_ROWS = 64
"""Rows that one statement inserts, or values that it looks up, at most: by then what a statement costs is spread thin.

A driver lets go of the interpreter at each row of an `executemany`, and each time others may keep it for milliseconds.
"""
IN_LIMIT = 500
"""Values in one IN: below every database's limit of parameters."""
Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as one driver takes it; `names` in the order of its values, converters only where one is needed.

    `row`: the place of one row's values at the end of an insert, '' where several rows cannot stand in one statement.
    """

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    by_position: bool
    inward: tuple[tuple[str, _Convert], ...]
    outward: tuple[tuple[int, _Convert], ...]
    row: str

    def values(self, given: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        """The values of one run."""
        if self.fixed or self.inward:
            given = {**self.fixed, **given}
            for name, convert in self.inward:
                if name in given:
                    given[name] = convert(given[name])
        return [given[name] for name in self.names] if self.by_position else given


class Prepared:
    """A statement with named values (`bindparam`), compiled at its first run; for use from any thread.

    Its rows are plain tuples in the order of its columns. It raises what SQLAlchemy raises. `keys` are the columns that
    an insert or update sets.
    """

    __slots__ = ("_forms", "_keys", "_statement")

    def __init__(self, statement: ClauseElement, keys: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._keys = keys
        self._forms: dict[str, _Form] = {}

    def rows(self, connection: Connection, **values: Any) -> list[Row]:  # noqa: ANN401 - as the columns have it
        """All rows."""
        form, cursor = self._run(connection, values)
        found: list[Row] = cursor.fetchall()
        if not form.outward:
            return found
        return [_outward(row, form.outward) for row in found]

    def first(self, connection: Connection, **values: Any) -> Row | None:  # noqa: ANN401 - as above
        """The first row, None where there is none."""
        form, cursor = self._run(connection, values)
        row: Row | None = cursor.fetchone()
        cursor.close()  # an unfinished statement would hold its lock
        return row if row is None or not form.outward else _outward(row, form.outward)

    def scalar(self, connection: Connection, **values: Any) -> Any:  # noqa: ANN401 - as above
        """The first value of the first row, None where there is none."""
        row = self.first(connection, **values)
        return None if row is None else row[0]

    def run(self, connection: Connection, **values: Any) -> None:  # noqa: ANN401 - as above
        """Run it for its effect."""
        self._run(connection, values)[1].close()

    def run_many(self, connection: Connection, many: Iterable[Mapping[str, Any]]) -> None:
        """Run it once for each mapping."""
        form = self._form(connection)
        values = [form.values(one) for one in many]
        cursor = _driver(connection).cursor()
        try:
            if not form.row:
                cursor.executemany(form.text, values)
                return
            start = 0
            for size in _sizes(len(values)):
                rows = values[start : start + size]
                cursor.execute(form.text + f", {form.row}" * (size - 1), list(chain.from_iterable(rows)))
                start += size
        except connection.dialect.loaded_dbapi.Error as error:
            raise _named(connection, form.text, error) from error
        finally:
            cursor.close()

    def _run(self, connection: Connection, given: Mapping[str, Any]) -> tuple[_Form, Any]:
        """The form that was run, and the driver's cursor."""
        form = self._forms.get(connection.dialect.name) or self._form(connection)
        try:
            return form, _driver(connection).execute(form.text, form.values(given))
        except connection.dialect.loaded_dbapi.Error as error:
            raise _named(connection, form.text, error) from error

    def _form(self, connection: Connection) -> _Form:
        form = self._forms.get(connection.dialect.name)
        if form is None:
            form = self._forms[connection.dialect.name] = _compiled(self._statement, self._keys, connection.dialect)
        return form


class PreparedAmong:
    """A statement that looks for any of some values, for use from any thread: one prepared for each number of values.

    `make` is given a placeholder for each of them. It raises what SQLAlchemy raises.
    """

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[Sequence[BindParameter[Any]]], ClauseElement]) -> None:
        self._make = make
        self._made: dict[int, Prepared] = {}

    def rows(self, connection: Connection, among: Sequence[Any], **values: Any) -> list[Row]:  # noqa: ANN401 - as above
        """All rows, whichever of `among`, which are distinct, they are found by."""
        found: list[Row] = []
        start = 0
        for size in _sizes(len(among)):
            some = {f"among{at}": one for at, one in enumerate(among[start : start + size])}
            found += self._of(size).rows(connection, **some, **values)
            start += size
        return found

    def _of(self, size: int) -> Prepared:
        made = self._made.get(size)
        if made is None:
            made = self._made[size] = Prepared(self._make([bindparam(f"among{at}") for at in range(size)]))
        return made


def run_plain(connection: Connection, text: str) -> None:
    """Run a statement without values or rows, such as SAVEPOINT, past SQLAlchemy. It raises what SQLAlchemy raises."""
    try:
        _driver(connection).execute(text).close()
    except connection.dialect.loaded_dbapi.Error as error:
        raise _named(connection, text, error) from error


def _driver(connection: Connection) -> Any:  # noqa: ANN401 - the driver's own type
    # For drivers that block this is the driver's connection, which SQLAlchemy would look for in three steps.
    return connection.connection.dbapi_connection


def _named(connection: Connection, text: str, error: Exception) -> BaseException:
    base = connection.dialect.loaded_dbapi.Error
    return DBAPIError.instance(text, None, error, base, dialect=connection.dialect)


def _sizes(count: int) -> Iterator[int]:
    """Powers of two that make `count`, none above JOINED_ROWS: so few that the driver keeps each statement at hand."""
    while count:
        size = min(JOINED_ROWS, 1 << (count.bit_length() - 1))
        yield size
        count -= size


def _outward(row: Row, converters: Sequence[tuple[int, _Convert]]) -> Row:
    values = list(row)
    for at, convert in converters:
        values[at] = convert(values[at])
    return tuple(values)


def _compiled(statement: ClauseElement, keys: Sequence[str] | None, dialect: Dialect) -> _Form:
    compiled = statement.compile(dialect=dialect, column_keys=list(keys) if keys is not None else None)
    if not isinstance(compiled, SQLCompiler):
        raise TypeError("only what reads or writes rows can be prepared")
    by_position = compiled.positiontup is not None
    binds = {name: bind for bind, name in compiled.bind_names.items()}
    inward = [
        (name, bind.type.dialect_impl(dialect).bind_processor(dialect))
        for name, bind in binds.items()
        if not isinstance(bind.type, LargeBinary)  # drivers take bytes; SQLAlchemy would wrap each in a memoryview
    ]
    columns = getattr(statement, "selected_columns", ())
    outward = [
        (at, column.type.dialect_impl(dialect).result_processor(dialect, None)) for at, column in enumerate(columns)
    ]
    return _Form(
        text=str(compiled),
        names=tuple(compiled.positiontup or compiled.params),
        fixed={name: bind.value for name, bind in binds.items() if not bind.required and bind.value is not None},
        by_position=by_position,
        inward=tuple((name, convert) for name, convert in inward if convert is not None),
        outward=tuple((at, convert) for at, convert in outward if convert is not None),
        row=_row_at_the_end(str(compiled)) if by_position and isinstance(statement, Insert) else "",
    )


def _row_at_the_end(text: str) -> str:
    """The values of the row with which an insert ends; '' where it ends otherwise."""
    row = text.rpartition(" VALUES ")[2]
    return row if row.startswith("(") and set(row[1:-1]) <= set("?, ") and row.endswith(")") else ""
