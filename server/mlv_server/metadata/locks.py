"""Locks in the database (L1): they survive restarts, and their fencing tokens only grow."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from mlv_core.entities import Lock, LockMode, LockScope
from mlv_core.ids import BranchId, ChangesetNumber, FencingToken, FileId, WorkspaceId
from mlv_server.metadata.tables import branches, lock_counters, locks, users

IN_LIMIT = 500
"""Values in one IN: below every database's limit of parameters."""


class Locks:
    """Locks by repository and fencing token."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last_token(self, repository_id: int) -> FencingToken:
        """The highest fencing token that was ever given out; 0 before the first."""
        counter = select(lock_counters.c.last_token).where(lock_counters.c.repository_id == repository_id)
        return FencingToken(self._connection.execute(counter).scalar_one())

    def add(self, repository_id: int, owner_id: int, branch_id: BranchId, new: tuple[Lock, ...]) -> None:
        """Keep new locks of one owner on one branch, whose tokens follow each other from `last_token` on."""
        if not new:
            return
        self._connection.execute(insert(locks), [_columns(repository_id, owner_id, branch_id, lock) for lock in new])
        self._connection.execute(
            update(lock_counters)
            .where(lock_counters.c.repository_id == repository_id)
            .values(last_token=max(lock.token for lock in new))
        )

    def renew(self, repository_id: int, held: tuple[Lock, ...]) -> None:
        """Write reason, base and lease of locks that are held already."""
        for lock in held:
            self._connection.execute(
                update(locks)
                .where(locks.c.repository_id == repository_id, locks.c.token == lock.token)
                .values(reason=lock.reason, base=lock.base, lease_until=lock.lease_until)
            )

    def on_files(self, repository_id: int, files: Iterable[FileId]) -> tuple[Lock, ...]:
        """Every lock on these files, on whatever branch."""
        wanted = sorted(set(files))
        found: list[Lock] = []
        for start in range(0, len(wanted), IN_LIMIT):
            found.extend(self._select(repository_id, locks.c.file_id.in_(wanted[start : start + IN_LIMIT])))
        return tuple(found)

    def of_workspace(self, repository_id: int, workspace: WorkspaceId) -> tuple[Lock, ...]:
        """Every lock that a workspace holds."""
        return self._select(repository_id, locks.c.workspace == workspace)

    def count_of(self, repository_id: int, owner_id: int) -> int:
        """How many locks a user holds in the repository."""
        count = select(func.count()).where(locks.c.repository_id == repository_id, locks.c.owner_id == owner_id)
        return int(self._connection.execute(count).scalar_one())

    def at_paths(self, repository_id: int, paths: Iterable[str]) -> tuple[Lock, ...]:
        """Every lock that shows under one of these paths, on whatever branch."""
        wanted = sorted(set(paths))
        found: list[Lock] = []
        for start in range(0, len(wanted), IN_LIMIT):
            found.extend(self._select(repository_id, locks.c.path.in_(wanted[start : start + IN_LIMIT])))
        return tuple(found)

    def expire(self, owner_id: int, now: int) -> None:
        """End the lease of every lock of a user at `now` (ms): they show, and block nobody."""
        self._connection.execute(update(locks).where(locks.c.owner_id == owner_id).values(lease_until=now))

    def list_all(self, repository_id: int) -> tuple[Lock, ...]:
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

    def _select(self, repository_id: int, *conditions: ColumnElement[bool]) -> tuple[Lock, ...]:
        found = _SELECT.where(locks.c.repository_id == repository_id, *conditions).order_by(locks.c.path, locks.c.token)
        return tuple(_lock(row) for row in self._connection.execute(found))


_SELECT = (
    select(locks, users.c.name.label("owner"), branches.c.name.label("branch"))
    .join(users, users.c.id == locks.c.owner_id)
    .join(branches, (branches.c.repository_id == locks.c.repository_id) & (branches.c.id == locks.c.branch_id))
)


def _columns(repository_id: int, owner_id: int, branch_id: BranchId, lock: Lock) -> dict[str, object]:
    return {
        "repository_id": repository_id,
        "token": lock.token,
        "file_id": lock.file_id,
        "path": lock.path,
        "tree": lock.tree,
        "mode": int(lock.mode),
        "scope": int(lock.scope),
        "branch_id": branch_id,
        "owner_id": owner_id,
        "workspace": lock.workspace,
        "host": lock.host,
        "base": lock.base,
        "reason": lock.reason,
        "acquired_at": lock.acquired_at,
        "lease_until": lock.lease_until,
    }


def _lock(row: Row[tuple[object, ...]]) -> Lock:
    return Lock(
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
