"""Freezes in the database: who set which, until when, and who lifted it."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from mlv_core.ids import BranchId
from mlv_core.releasing import Freeze
from mlv_server.metadata.prepared import Prepared, Row
from mlv_server.metadata.tables import branches
from mlv_server.metadata.tables_releases import freezes


class Freezes:
    """Freezes by repository, numbered from 1."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def live(self, repository_id: int, now: int) -> tuple[Freeze, ...]:
        """Those that hold at `now` (ms), in the order of their making."""
        return tuple(_freeze(row) for row in _LIVE.rows(self._connection, repository=repository_id, now=now))

    def list_all(self, repository_id: int) -> tuple[Freeze, ...]:
        """Every one, also lifted and ended ones, in the order of their making."""
        return tuple(_freeze(row) for row in _ALL.rows(self._connection, repository=repository_id))

    def add(self, repository_id: int, branch_id: BranchId | None, freeze: Freeze) -> int:
        """Keep a new freeze, of `branch_id` if it is about a branch; returns the number that it got."""
        mine = freezes.c.repository_id == repository_id
        number = (self._connection.scalar(select(func.max(freezes.c.id)).where(mine)) or 0) + 1
        self._connection.execute(
            insert(freezes).values(
                repository_id=repository_id,
                id=number,
                branch_id=branch_id,
                label=freeze.label,
                path=freeze.path,
                by=freeze.by,
                at=freeze.at,
                until=freeze.until,
                reason=freeze.reason,
                lifted_at=None,
                lifted_by="",
                lifted_why="",
            )
        )
        return int(number)

    def lift(self, repository_id: int, number: int, by: str, at: int, why: str) -> None:
        """End a freeze at `at` (ms)."""
        mine = (freezes.c.repository_id == repository_id, freezes.c.id == number)
        ended = update(freezes).where(*mine).values(lifted_at=at, lifted_by=by, lifted_why=why)
        self._connection.execute(ended)


_SELECT = (
    select(
        freezes.c.id,
        branches.c.name,
        freezes.c.label,
        freezes.c.path,
        freezes.c.by,
        freezes.c.at,
        freezes.c.until,
        freezes.c.reason,
        freezes.c.lifted_at,
        freezes.c.lifted_by,
        freezes.c.lifted_why,
    )
    .outerjoin(branches, (branches.c.repository_id == freezes.c.repository_id) & (branches.c.id == freezes.c.branch_id))
    .where(freezes.c.repository_id == bindparam("repository"))
    .order_by(freezes.c.id)
)
_ALL = Prepared(_SELECT)
_LIVE = Prepared(
    _SELECT.where(freezes.c.lifted_at.is_(None), or_(freezes.c.until.is_(None), freezes.c.until > bindparam("now")))
)


def _freeze(row: Row) -> Freeze:
    number, branch, *rest = row
    return Freeze(number, branch or "", *rest)
