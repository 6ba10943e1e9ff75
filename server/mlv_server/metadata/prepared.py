"""Statements that are compiled once: what every call runs goes to the driver as text and values.

Building a statement, finding its compiled form and wrapping its rows takes SQLAlchemy several times as long as SQLite
takes to run it. A prepared one is written with Core all the same, so it holds for every database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ClauseElement, Connection, LargeBinary
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

Row = tuple[Any, ...]
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement as one driver takes it; `names` in the order of its values, converters only where one is needed."""

    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    by_position: bool
    inward: tuple[tuple[str, _Convert], ...]
    outward: tuple[tuple[int, _Convert], ...]

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
        cursor = _driver(connection).cursor()
        try:
            cursor.executemany(form.text, [form.values(one) for one in many])
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
    )
