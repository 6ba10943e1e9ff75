"""Locks that ended otherwise than their holder's workspace did it: what its next commit is told (L9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Row, delete, insert, select

from mlv_core.ids import FencingToken, WorkspaceId
from mlv_server.domain.lock_ends import EndedLock, LockEnd
from mlv_server.metadata.prepared import IN_LIMIT
from mlv_server.metadata.tables import ended_locks

KEPT = 10_000
"""Of a repository, the newest: whoever lost a lock learns of it with the next command."""


class EndedLocks:
    """Ended locks by repository and fencing token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, repository_id: int, ended: Sequence[EndedLock]) -> None:
        """Remember these; of very many only the newest stay."""
        if not ended:
            return
        self._connection.execute(
            insert(ended_locks),
            [
                {
                    "repository_id": repository_id,
                    "token": one.token,
                    "path": one.path,
                    "workspace": one.workspace,
                    "end": int(one.end),
                    "by": one.by,
                    "reason": one.reason,
                    "time": one.time,
                }
                for one in ended
            ],
        )
        mine = ended_locks.c.repository_id == repository_id
        newest = select(ended_locks.c.token).where(mine).order_by(ended_locks.c.token.desc())
        oldest = self._connection.scalar(newest.offset(KEPT).limit(1))
        if oldest is not None:
            self._connection.execute(delete(ended_locks).where(mine, ended_locks.c.token <= oldest))

    def find(self, repository_id: int, tokens: Iterable[FencingToken]) -> dict[FencingToken, EndedLock]:
        """How the locks of these tokens ended, as far as it is known."""
        wanted = sorted(set(tokens))
        found: dict[FencingToken, EndedLock] = {}
        for start in range(0, len(wanted), IN_LIMIT):
            some = ended_locks.c.token.in_(wanted[start : start + IN_LIMIT])
            rows = select(ended_locks).where(ended_locks.c.repository_id == repository_id, some)
            found.update({one.token: one for one in map(_ended, self._connection.execute(rows))})
        return found

    def of_workspace(self, repository_id: int, workspace: WorkspaceId, since: int) -> tuple[EndedLock, ...]:
        """What a workspace has lost from `since` (ms) on, in the order of the tokens."""
        rows = select(ended_locks).where(
            ended_locks.c.repository_id == repository_id,
            ended_locks.c.workspace == workspace,
            ended_locks.c.time >= since,
        )
        return tuple(map(_ended, self._connection.execute(rows.order_by(ended_locks.c.token))))


def _ended(row: Row[tuple[object, ...]]) -> EndedLock:
    return EndedLock(
        token=FencingToken(row.token),
        path=row.path,
        workspace=WorkspaceId(row.workspace),
        end=LockEnd(row.end),
        by=row.by,
        reason=row.reason,
        time=row.time,
    )
