"""Reads everything that the database keeps of a repository, for `mlv-server verify`."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, select, text

from mlv_core.changes import ListKind, encode
from mlv_core.entities import Operation
from mlv_core.errors import MlvError
from mlv_core.hashing import ContentHash
from mlv_core.ids import ChangesetNumber
from mlv_server.domain.audit import first_fault
from mlv_server.metadata.audit import AuditTrail, as_bytes
from mlv_server.metadata.lists import OWN_LEVEL, SNAPSHOT_LEVEL, ListRow, Lists, missing_list
from mlv_server.metadata.tables import audit, policy_versions
from mlv_server.metadata.tables_history import change_lists
from mlv_server.metadata.versions import newest_rows

Contents = dict[ContentHash, tuple[str, ChangesetNumber]]
"""Where a content stands: one path that has it, and the changeset that brought it there."""


class Inspection:
    """What is damaged in the database, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def database_faults(self) -> list[str]:
        """What the database engine itself finds wrong with its file."""
        if self._connection.dialect.name != "sqlite":
            return []
        found = [str(row[0]) for row in self._connection.execute(text("PRAGMA integrity_check(100)"))]
        broken = self._connection.execute(text("PRAGMA foreign_key_check")).all()
        return [fault for fault in found if fault != "ok"] + [f"row of {row[0]} names what is gone" for row in broken]

    def schema_faults(self, expected: Collection[tuple[str, str, str, str | None]]) -> list[str]:
        """Tables and indexes that are not as the migrations make them in a new database (`expected`)."""
        if self._connection.dialect.name != "sqlite":
            return []
        return [f"schema of {name}" for _, name, _, _ in sorted(set(expected) ^ set(self.schema()), key=repr)]

    def schema(self) -> list[tuple[str, str, str, str | None]]:
        """Kind, name, table and statement of every table and index of a SQLite database."""
        rows = self._connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"))
        return [(str(row[0]), str(row[1]), str(row[2]), row[3]) for row in rows]

    def audit_faults(self) -> list[str]:
        """Every audit chain with an edited, missing or moved row, and rows whose columns are not what they record."""
        trail = AuditTrail(self._connection)
        faults = []
        for chain in trail.chains():
            fault = first_fault(chain, trail.rows(chain))
            if fault is not None:
                faults.append(f"audit chain {chain}, entry {fault}")
        columns = audit.c
        query = select(columns.chain, columns.sequence, columns.time, columns.user, columns.action, columns.allowed)
        faults += [
            f"audit chain {row.chain}, columns of entry {row.sequence}"
            for row in self._connection.execute(query.add_columns(as_bytes(columns.record).label("record")))
            if (row.time, row.user, row.action, row.allowed) != _recorded(row.record)
        ]
        return faults

    def counter_faults(self) -> list[str]:
        """The counter of rule ids, which has no copy, where it is not the last id that a version of the policy gave."""
        if self._connection.dialect.name != "sqlite":
            return []
        given = [rule["id"] for added in self._connection.scalars(select(policy_versions.c.added)) for rule in added]
        kept = self._connection.scalar(text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'rules'"))
        return [] if kept == (max(given) if given else None) else ["the counter of rule ids"]

    def reading(self, repository_id: int) -> Lists:
        """The stored lists of a repository, each part read from where it lies and not from memory."""
        return Lists(self._connection, repository_id)

    def lists(self, repository_id: int) -> Iterator[tuple[ListRow, bytes]]:
        """Every stored list of a repository with the id that its row says."""
        columns = change_lists.c
        found = self._connection.execute(
            select(columns.changeset, columns.level, columns.before, columns.entries, columns.bytes, columns.list_id)
            .where(columns.repository_id == repository_id)
            .order_by(columns.changeset, columns.level)
        )
        for row in found:
            yield ListRow(*row[:5]), row[5]

    def list_fault(self, lists: Lists, row: ListRow, list_id: bytes) -> tuple[str | None, Contents]:
        """What is wrong with a stored list (None: nothing), and where the contents of its files stand.

        A fold or snapshot must also be what the lists that it stands for give.
        """
        what = {OWN_LEVEL: "change list", SNAPSHOT_LEVEL: "snapshot"}.get(row.level, "folded list")
        name = f"{what} of @{row.changeset} (level {row.level})"
        contents: Contents = {}
        try:
            reader = lists.reader(row)
            rows = list(reader.rows())
            if reader.id != list_id or len(rows) != row.entries:
                return name, contents
            contents = {
                state.content: (one.path, ChangesetNumber(one.changed_in))
                for one in rows
                if (state := one.state) is not None and state.size
            }
            if row.level != OWN_LEVEL and _folded_again(lists, row) != list_id:
                return f"{name}: it is not what its lists give", contents
        except MlvError:
            return name, contents
        return None, contents

    def list_of(self, lists: Lists, number: ChangesetNumber) -> bytes | None:
        """The id of a changeset's own list; None when it is missing or unreadable."""
        try:
            row = lists.find(number, OWN_LEVEL)
            return None if row is None else lists.reader(row).id
        except MlvError:
            return None


def _recorded(record: bytes) -> tuple[object, ...] | None:
    """What the columns of an audit row repeat of its record."""
    try:
        said = json.loads(record)
        return said["time"], said["user"], said["action"], said["allowed"]
    except (ValueError, KeyError, TypeError):
        return None


def _folded_again(lists: Lists, row: ListRow) -> bytes:
    """The id of the list that the lists of lower levels between `row.before` and `row.changeset` give."""
    steps: list[ListRow] = []
    at = row.changeset
    while at > row.before:
        lower = [one for one in lists.at(at) if one.level < row.level and one.before >= row.before]
        if not lower:
            raise missing_list(at)
        steps.append(min(lower, key=lambda one: one.before))
        at = steps[-1].before
    rows = newest_rows(lists, steps)
    if row.level == SNAPSHOT_LEVEL:
        return encode((one for one in rows if one.operation != Operation.DELETE), ListKind.SNAPSHOT).id
    return encode(rows).id
