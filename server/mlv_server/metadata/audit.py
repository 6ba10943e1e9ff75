"""The audit chains in the database: append-only rows, one chain per repository and one for the server."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection, LargeBinary, bindparam, cast, insert, select

from mlv_core.auditing import AuditFilter
from mlv_server.domain.audit import START, AuditEntry, AuditRow, seal
from mlv_server.metadata.prepared import Prepared
from mlv_server.metadata.tables import audit

_LAST = Prepared(
    select(audit.c.sequence, audit.c.hash)
    .where(audit.c.chain == bindparam("chain"))
    .order_by(audit.c.sequence.desc())
    .limit(1)
)
_ADD = Prepared(insert(audit), audit.c.keys())


class AuditTrail:
    """The audit chains; 0 is the server's, else the repository's id."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def append(self, chain: int, entries: tuple[AuditEntry, ...]) -> None:
        """Add `entries` to the end of `chain`, in the transaction that they describe."""
        if not entries:
            return
        sequence, previous = _LAST.first(self._connection, chain=chain) or (0, START)
        rows = []
        for entry in entries:
            sequence += 1
            row = seal(chain, sequence, previous, entry)
            previous = row.hash
            rows.append(
                {
                    "chain": chain,
                    "sequence": sequence,
                    "time": entry.time,
                    "user": entry.user,
                    "action": entry.action,
                    "allowed": entry.allowed,
                    "record": row.record,
                    "previous": row.previous,
                    "hash": row.hash,
                }
            )
        _ADD.run_many(self._connection, rows)

    def chains(self) -> tuple[int, ...]:
        """Every chain that has rows, in order."""
        return tuple(self._connection.scalars(select(audit.c.chain).distinct().order_by(audit.c.chain)))

    def rows(self, chain: int) -> Iterator[AuditRow]:
        """The rows of `chain` from its beginning."""
        found = self._connection.execute(
            select(audit.c.sequence, *(as_bytes(audit.c[name]).label(name) for name in ("record", "previous", "hash")))
            .where(audit.c.chain == chain)
            .order_by(audit.c.sequence)
        )
        for row in found:
            yield AuditRow(row.sequence, row.record, row.previous, row.hash)

    def select(self, chain: int, wanted: AuditFilter, limit: int, *, beyond: int = 0) -> list[AuditRow]:
        """At most `limit` rows of `chain` that `wanted` describes, past the row `beyond` (0: from the beginning)."""
        columns = audit.c
        found = select(
            columns.sequence, *(as_bytes(columns[name]).label(name) for name in ("record", "previous", "hash"))
        )
        found = found.where(columns.chain == chain, *_conditions(wanted))
        if wanted.oldest_first:
            found = found.where(columns.sequence > max(beyond, wanted.after)).order_by(columns.sequence)
        else:
            found = found.where(columns.sequence > wanted.after).order_by(columns.sequence.desc())
            found = found.where(columns.sequence < beyond) if beyond else found
        rows = self._connection.execute(found.limit(limit))
        return [AuditRow(row.sequence, row.record, row.previous, row.hash) for row in rows]

    def end(self, chain: int) -> tuple[int, bytes]:
        """The number and the hash of the last row; (0, b'') of an empty chain."""
        return _LAST.first(self._connection, chain=chain) or (0, b"")

    def hash_at(self, chain: int, sequence: int) -> bytes:
        """The hash of one row; b'' where there is none."""
        found = select(as_bytes(audit.c.hash)).where(audit.c.chain == chain, audit.c.sequence == sequence)
        return self._connection.scalar(found) or b""


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    columns = audit.c
    found: list[ColumnElement[bool]] = []
    if wanted.user:
        found.append(columns.user == wanted.user)
    if wanted.action.endswith("*"):
        found.append(columns.action.startswith(wanted.action[:-1], autoescape=True))
    elif wanted.action:
        found.append(columns.action == wanted.action)
    if wanted.since:
        found.append(columns.time >= wanted.since)
    if wanted.until:
        found.append(columns.time <= wanted.until)
    if wanted.denied:
        found.append(columns.allowed.is_(False))
    return found


def as_bytes(column: ColumnElement[bytes]) -> ColumnElement[bytes]:
    """The column's bytes; whoever edited a row may have left text there, which the driver would try to decode."""
    return cast(column, LargeBinary)
