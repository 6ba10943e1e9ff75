"""Locks in the database (L1): they survive restarts, and their fencing tokens only grow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_server.metadata.tables import branches, lock_counters, locks, users

IN_LIMIT = 500
"""Values in one IN: below every database's limit of parameters."""


@dataclass(frozen=True, slots=True)
class LockRow:
    """A lock with the ids of its owner and branch."""

    lock: Lock
    owner_id: int
    branch_id: BranchId


class Locks:
    """Locks by repository and fencing token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def next_tokens(self, repository_id: int, count: int) -> FencingToken:
        """The first of `count` new fencing tokens in a row."""
        advanced = (
            update(lock_counters)
            .where(lock_counters.c.repository_id == repository_id)
            .values(last_token=lock_counters.c.last_token + count)
            .returning(lock_counters.c.last_token)
        )
        return FencingToken(int(self._connection.execute(advanced).scalar_one()) - count + 1)

    def add(self, repository_id: int, rows: tuple[LockRow, ...]) -> None:
        """Keep new locks, each with a token of its own."""
        if rows:
            self._connection.execute(insert(locks), [_columns(repository_id, row) for row in rows])

    def renew(self, repository_id: int, rows: tuple[LockRow, ...]) -> None:
        """Write reason, base and lease of locks that are held already."""
        for row in rows:
            self._connection.execute(
                update(locks)
                .where(locks.c.repository_id == repository_id, locks.c.token == row.lock.token)
                .values(reason=row.lock.reason, base=row.lock.base, lease_until=row.lock.lease_until)
            )

    def on_files(self, repository_id: int, files: Iterable[FileId]) -> tuple[LockRow, ...]:
        """Every lock on these files, on whatever branch."""
        wanted = sorted(set(files))
        found: list[LockRow] = []
        for start in range(0, len(wanted), IN_LIMIT):
            found.extend(self._select(repository_id, locks.c.file_id.in_(wanted[start : start + IN_LIMIT])))
        return tuple(found)

    def of_workspace(self, repository_id: int, workspace: WorkspaceId) -> tuple[LockRow, ...]:
        """Every lock that a workspace holds."""
        return self._select(repository_id, locks.c.workspace == workspace)

    def of_owner(self, owner_id: int) -> tuple[tuple[int, LockRow], ...]:
        """Every lock of a user, with its repository's id."""
        found = self._connection.execute(_SELECT.where(locks.c.owner_id == owner_id).order_by(locks.c.token))
        return tuple((row.repository_id, _lock(row)) for row in found)

    def list_all(self, repository_id: int) -> tuple[LockRow, ...]:
        """Every lock of the repository."""
        return self._select(repository_id)

    def remove(self, repository_id: int, tokens: Iterable[FencingToken]) -> None:
        """End the locks that these tokens name."""
        wanted = list(tokens)
        for start in range(0, len(wanted), IN_LIMIT):
            self._connection.execute(
                delete(locks).where(
                    locks.c.repository_id == repository_id, locks.c.token.in_(wanted[start : start + IN_LIMIT])
                )
            )

    def renamed(self, repository_id: int, file_id: FileId, path: str) -> None:
        """Show a file's locks under its new path."""
        self._connection.execute(
            update(locks).where(locks.c.repository_id == repository_id, locks.c.file_id == file_id).values(path=path)
        )

    def _select(self, repository_id: int, *conditions: ColumnElement[bool]) -> tuple[LockRow, ...]:
        found = _SELECT.where(locks.c.repository_id == repository_id, *conditions).order_by(locks.c.path, locks.c.token)
        return tuple(_lock(row) for row in self._connection.execute(found))


_SELECT = (
    select(locks, users.c.name.label("owner"), branches.c.name.label("branch"))
    .join(users, users.c.id == locks.c.owner_id)
    .join(branches, (branches.c.repository_id == locks.c.repository_id) & (branches.c.id == locks.c.branch_id))
)


def _columns(repository_id: int, row: LockRow) -> dict[str, object]:
    lock = row.lock
    return {
        "repository_id": repository_id,
        "token": lock.token,
        "file_id": lock.file_id,
        "path": lock.path,
        "tree": lock.tree,
        "mode": int(lock.mode),
        "scope": int(lock.scope),
        "branch_id": row.branch_id,
        "owner_id": row.owner_id,
        "workspace": lock.workspace,
        "host": lock.host,
        "base": lock.base,
        "reason": lock.reason,
        "acquired_at": lock.acquired_at,
        "lease_until": lock.lease_until,
    }


def _lock(row: Row[tuple[object, ...]]) -> LockRow:
    lock = Lock(
        file_id=FileId(row.file_id),
        path=row.path,
        owner=row.owner,
        workspace=WorkspaceId(row.workspace),
        host=row.host,
        mode=LockMode(row.mode),
        scope=LockScope(row.scope),
        branch=row.branch,
        base=ChangesetNumber(row.base),
        reason=row.reason,
        acquired_at=row.acquired_at,
        lease_until=row.lease_until,
        token=FencingToken(row.token),
        tree=row.tree,
    )
    return LockRow(lock, row.owner_id, BranchId(row.branch_id))
