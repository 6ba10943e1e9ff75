"""Fold stored lists in the background, so that every version lies behind a few of them however long history gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from mlv_core.changes import EncodedList, ListKind, encode
from mlv_core.entities import Operation
from mlv_core.errors import DamagedContent
from mlv_core.ids import ChangesetNumber
from mlv_server.metadata.lists import SNAPSHOT_LEVEL, ListRow, Lists
from mlv_server.metadata.tables_history import changesets, folded
from mlv_server.metadata.versions import newest_rows

if TYPE_CHECKING:
    from mlv_server.metadata.engine import Database
    from mlv_server.metadata.unit_of_work import Transaction

FAN_IN = 16
"""Lists of a level that become one of the next."""
SNAPSHOT_SHARE = 4
"""A snapshot is written when the lists since the last one exceed one part in so many of it ..."""
SNAPSHOT_ENTRIES = 4096
"""... and this many entries, so that small repositories live on folds alone."""


def fold_pending(db: Database, repository_id: int) -> int:
    """Make the folds and snapshots that history has come to ask for; how many changesets it looked at.

    Blocks; for a worker thread. What it stores follows from what is stored, each list in a transaction of its own, so
    it can be stopped anywhere and run again. Lists never change, so they are folded outside of the writer.
    """
    done = 0
    while (pending := db.read_now(lambda tx: _next(tx.connection, repository_id))) is not None:
        number, depth = pending
        level = 1
        while depth % FAN_IN**level == 0:
            _store(db, repository_id, number, level)
            level += 1
        _store(db, repository_id, number, SNAPSHOT_LEVEL)
        db.write_now(lambda tx, number=number: _seen(tx.connection, repository_id, number))  # type: ignore[misc]
        done += 1
    return done


def _next(connection: Connection, repository_id: int) -> tuple[ChangesetNumber, int] | None:
    """The first changeset after those already seen to at which a fold ends, and its depth."""
    after = select(folded.c.changeset).where(folded.c.repository_id == repository_id)
    seen = connection.execute(after).scalar_one_or_none() or 0
    pending = (
        select(changesets.c.number, changesets.c.depth)
        .where(
            changesets.c.repository_id == repository_id,
            changesets.c.number > seen,
            changesets.c.depth % FAN_IN == 0,
        )
        .order_by(changesets.c.number)
        .limit(1)
    )
    row = connection.execute(pending).one_or_none()
    return None if row is None else (row.number, row.depth)


def _store(db: Database, repository_id: int, number: ChangesetNumber, level: int) -> None:
    """Make and store one list, unless it is there or does not pay."""
    make = _snapshot if level == SNAPSHOT_LEVEL else _fold
    made = db.read_now(lambda tx: make(tx.versions.lists(repository_id), number, level))
    if made is not None:

        def put(tx: Transaction) -> None:
            lists = tx.versions.lists(repository_id)
            if lists.find(number, level) is None:
                lists.put(number, level, *made)

        db.write_now(put)


def _fold(lists: Lists, number: ChangesetNumber, level: int) -> tuple[ChangesetNumber, EncodedList] | None:
    """Where the fold of a level that ends at a changeset begins, and its rows; None if it is stored."""
    if lists.find(number, level) is not None:
        return None
    steps: list[ListRow] = []
    before = number
    for _ in range(FAN_IN):
        step = lists.find(before, level - 1)
        if step is None:
            raise DamagedContent(f"The change list of level {level - 1} that ends at @{before} is missing.")
        steps.append(step)
        before = step.before
    if steps[-1].entries > SNAPSHOT_SHARE * max(SNAPSHOT_ENTRIES, sum(step.entries for step in steps[:-1])):
        # An import of a million files is a snapshot already: written once more with each level it would only cost.
        before = steps.pop().changeset
    return before, encode(newest_rows(lists, steps))


def _snapshot(lists: Lists, number: ChangesetNumber, _level: int) -> tuple[ChangesetNumber, EncodedList] | None:
    """The whole version at a changeset; None if it is stored, or few lists lead to it from the last snapshot."""
    steps = tuple(lists.way(number))
    since, base = sum(step.entries for step in steps[:-1]), steps[-1].entries
    if since < SNAPSHOT_ENTRIES or since * SNAPSHOT_SHARE < base:
        return None
    living = (row for row in newest_rows(lists, steps) if row.operation != Operation.DELETE)
    return ChangesetNumber(0), encode(living, ListKind.SNAPSHOT)


def _seen(connection: Connection, repository_id: int, number: ChangesetNumber) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(folded).values(repository_id=repository_id, changeset=number)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[folded.c.repository_id], set_={"changeset": statement.excluded.changeset}
        )
    )
