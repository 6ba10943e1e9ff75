"""Prepared statements say what SQLAlchemy's own execution says, with its failures."""

from __future__ import annotations

import pytest
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    bindparam,
    create_engine,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.pool import StaticPool

from mlv_server.metadata.prepared import JOINED_ROWS, Prepared, PreparedAmong, run_plain

THINGS = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("good", Boolean, nullable=False),
    Column("said", JSON, nullable=False),
    Column("data", LargeBinary),
)
ADD = Prepared(insert(THINGS), THINGS.c.keys())
ABOVE = Prepared(select(THINGS).where(THINGS.c.id > bindparam("low")).order_by(THINGS.c.id).limit(2))
AMONG = PreparedAmong(lambda ids: select(THINGS).where(THINGS.c.id.in_(ids), THINGS.c.id > bindparam("low")))
ROWS = [(number, number % 2 == 0, {"n": [number]}, b"\0\xff" if number else None) for number in range(5)]


@pytest.fixture
def engine() -> Engine:
    made = create_engine("sqlite://", poolclass=StaticPool)
    with made.begin() as connection:
        THINGS.create(connection)
        ADD.run_many(connection, [dict(zip(THINGS.c.keys(), row, strict=True)) for row in ROWS])
    return made


def test_rows_are_what_sqlalchemy_reads(engine: Engine) -> None:
    with engine.begin() as connection:
        assert [tuple(row) for row in connection.execute(select(THINGS))] == ROWS
        assert ABOVE.rows(connection, low=1) == ROWS[2:4]
        assert ABOVE.first(connection, low=-1) == ROWS[0]
        assert (ABOVE.scalar(connection, low=3), ABOVE.scalar(connection, low=9)) == (4, None)
    engine.dispose()


def test_what_is_run_is_part_of_the_transaction(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE things SET good = 0"))
        ADD.run(connection, id=9, good=True, said=None, data=b"")
        connection.rollback()
    with engine.begin() as connection:
        assert ABOVE.rows(connection, low=3) == ROWS[4:]
    engine.dispose()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, JOINED_ROWS - 1, JOINED_ROWS, 3 * JOINED_ROWS + 5])
def test_any_number_of_rows_is_written_and_found_once(engine: Engine, count: int) -> None:
    ids = range(100, 100 + count)
    with engine.begin() as connection:
        ADD.run_many(connection, [{"id": number, "good": number % 2, "said": [number], "data": None} for number in ids])
        assert [row[0] for row in connection.execute(select(THINGS).where(THINGS.c.id >= 100))] == list(ids)
        found = AMONG.rows(connection, [*ids, -1], low=-5)
        assert sorted(found) == [(number, bool(number % 2), [number], None) for number in ids]
    engine.dispose()


def test_failures_are_sqlalchemys(engine: Engine) -> None:
    with engine.begin() as connection:
        with pytest.raises(IntegrityError):
            ADD.run(connection, id=1, good=True, said=1, data=None)
        with pytest.raises(IntegrityError):
            ADD.run_many(connection, [{"id": id_, "good": True, "said": 1, "data": None} for id_ in (7, 1)])
        with pytest.raises(OperationalError):
            run_plain(connection, "RELEASE nothing")
    engine.dispose()
